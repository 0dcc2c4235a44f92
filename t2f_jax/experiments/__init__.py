"""Whole runs, made of the rooms before.

    stages       The stages of an experiment, each a function from a config and folders to a folder, all resumable.
    runs         A run's folder -> the model of one of its checkpoints.
    quickstart   `t2f quickstart`: one experiment from drawn faces to its report.

Read first: `stages.train`.
"""
