"""Sweeps: variants of a config trained with several seeds, and what their differences show.

OUT/runs/<key>/: a run, see `stages`; figures.json is written last, failure.txt if it has failed. A key is the digest of
all that decides the weights: arms with the same config are one run.
OUT/shared/: an image tokenizer or a store of all runs with the same settings. OUT/images/: pixels, which stay on this
machine. OUT/ablations.html, ablations.md, ablations.csv: what `report` writes of the sweep
`ablations`; sweeps in one folder share their runs.

    runner     runs one after another, or each by a command of its own; what is finished is kept
    results    what a finished run gave: its figures, costs and learning curve
    verdicts   differences paired by seed, their intervals, and what they show
    scaling    the law of loss against size
    tables     results -> an arm's values, differences and verdicts, checked for an equal budget
    wording    figures and verdicts as text
    report     tables -> NAME.html, NAME.md, NAME.csv

Read first: `runner.run_all`, then `tables.make`.
"""
