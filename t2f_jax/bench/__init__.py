"""Benchmarks of this machine: speeds as ratios to baselines measured in the same run (`t2f bench`).

    run            the rows of the table, one after the other
    table          a row of the table, and its text
    subject        what is measured: a model, random prompts and faces for it, the machine
    random_model   a model of a config's structure with random weights, if no model is given
    machine        the limits: matrix products and memory reads; timing of a call
    decoding       rows for generating faces, captions and attributes, against decoding without a cache
    cold_start     a row for `t2f generate` from the command line to the saved file
    training       a row for the training step, against the plain one
    vqgan          rows for the image tokenizer of the paper's size, against a peer if one is given
    data           rows for batches from a large store (`t2f bench data`)
    jpegs          rows for decoding and resizing JPEGs (`t2f bench data`)
    made_store     a store of random codes, captions and labels
    peer           another program's speed, measured alternately with ours

Read first: `run.measure`.
"""
