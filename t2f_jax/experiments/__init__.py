"""Whole runs, made of all other rooms: what `t2f train-tokenizer`, `prepare`, `train`, `quickstart`, `reproduce` do.

    stages       train_tokenizer, prepare_store, train: each from a config and folders to a folder, resumable
    runs         what a decoder is trained with; a run's folder -> the model of one of its checkpoints
    model_card   README.md of a trained model's folder, filled in with the run's facts
    sweeps/      variants of a config with several seeds, and what their differences show: `t2f sweep`
    quickstart   one experiment from drawn faces to its report
    tables       the tables of the paper and its rivals: their settings and columns
    published    published figures, `published.csv`
    reproduce    a model measured for a table, where the data lies
    table_text   a table as markdown, with our row, protocols and sources

Read first: `stages.train`, which shows the order of a whole experiment.
"""
