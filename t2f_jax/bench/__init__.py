"""What this machine reaches, as ratios within one run.

    table          `t2f bench`: what this machine reaches, as ratios within one run.
    training       The training step against the plain one (`plain`), alternated in one process, beside matrix product
    vqgan          How fast the image tokenizer of the paper's size encodes and decodes one image, beside a peer if th
    peer           Another program's speed, measured in turns with ours: a peer answers a job's name with the seconds
    random_model   A model of a config's structure with random weights: what `t2f bench` measures where no model is gi

Read first: `table.run`.
"""
