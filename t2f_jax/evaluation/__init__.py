"""A model -> figures with intervals. Each file measures one thing.

    suite            A model's figures, samples and report on disk: what `t2f evaluate`, `t2f report` and `t2f quickst
    publish          An evaluation on disk: card.json, results/ and report.html.
    attributes       How good a model is: faces and their known fields in, figures with baselines and intervals out (p
    captions         Captions that a model writes, beside the given ones.
    reconstruction   Images through the image tokenizer and back: PSNR, and how much of the codebook is used.
    agreement        Do faces show what was asked for? Faces drawn for requests, and a judge who never saw the request
    guidance         Does what is meant to make drawn faces show what was asked do so? Guidance over its scale, and se
    judge            An eye of its own: a small classifier that says which attributes a face shows, trained on labelle
    stats            Bootstrap intervals and calibration.
    card             The result card of a run: `card.json`.
    resources        Seconds and peak memory of a piece of work.

Read first: `suite.evaluate`.
"""
