"""Sweeps: variants of a config trained with several seeds, and conclusions from their differences.

OUT/runs/<key>/: a run, see `stages`; figures.json is written last, failure.txt if it fails. The key is a digest of all
that determines the weights: arms with the same config are one run.
OUT/shared/: image tokenizers and stores shared by all runs with the same settings. OUT/images/: pixels, which are never
uploaded. OUT/ablations.html, ablations.md, ablations.csv: the report of the sweep `ablations`; sweeps in one folder
share their runs.

    runner     runs in sequence, or each by its own command; finished runs are kept
    results    a finished run's figures, costs and learning curve
    verdicts   differences paired by seed, their intervals, and conclusions
    scaling    scaling laws of the loss
    tables     an arm's values, differences and verdicts, checked for an equal budget
    wording    figures and verdicts as text
    report     NAME.html, NAME.md, NAME.csv from the tables

Read first: `runner.run_all`, then `tables.make`.
"""
