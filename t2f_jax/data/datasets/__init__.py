"""The datasets: a file each, which holds the dataset's entry (`DATASET`) and reads its official layout.

    base         what a dataset is to the rest: its entry, `Dataset`, and its faces once it is opened, `Source`
    registry     which datasets there are, `MODULES`; finds an entry by its kind, opens the sources of a config

Read first: `base.Dataset`, then `celeba`. To add a dataset write its file, a line of `registry.MODULES` and a test.
"""
