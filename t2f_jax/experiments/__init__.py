"""Complete runs, for `t2f train-tokenizer`, `prepare`, `train`, `quickstart`, `sweep` and `reproduce`.

    stages       train_tokenizer, prepare_store, train: resumable functions from a config and folders to a folder
    runs         the inputs of a decoder's training; the model of a checkpoint in a run's folder
    model_card   README.md of a trained model's folder, with the facts of the run
    sweeps/      variants of a config with several seeds, and conclusions from their differences: `t2f sweep`
    quickstart   one experiment from drawn faces to a report
    tables       the tables of the paper and its rivals: their settings and columns
    published    published figures, `published.csv`
    reproduce    measures a model for a table, in the settings whose data is present
    table_text   a table as markdown, with our row, protocols and sources

Read first: `stages.train`, which shows the order of a whole experiment.
"""
