"""Whole runs, made of all other rooms: what `t2f train-tokenizer`, `prepare`, `train` and `quickstart` do.

    stages       train_tokenizer, prepare_store, train: each from a config and folders to a folder, resumable
    runs         what a decoder is trained with; a run's folder -> the model of one of its checkpoints
    quickstart   one experiment from drawn faces to its report

Read first: `stages.train`, which shows the order of a whole experiment.
"""
