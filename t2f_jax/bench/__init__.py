"""What this machine reaches: speeds beside a baseline measured in the same run, as ratios (`t2f bench`).

    run            the rows of the table, one after the other
    table          a row of the table and its text
    subject        what is measured: a model, random prompts and faces for it, the machine
    random_model   a model of a config's structure with random weights, where no model is given
    machine        matrix products and reads from memory: the limits; how a call is timed
    decoding       rows for drawing faces, captions and attributes, against decoding without a cache
    cold_start     a row for `t2f generate` from the command line to the saved file
    training       a row for the training step, against the plain one
    vqgan          rows for the image tokenizer of the paper's size, against a peer if one is given
    data           rows for batches from a large store (`t2f bench data`)
    jpegs          rows for decoding and resizing JPEGs (`t2f bench data`)
    made_store     a store of random codes, captions and labels for them
    peer           another program's speed, measured in turns with ours

Read first: `run.measure`.
"""
