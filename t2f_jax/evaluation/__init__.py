"""A model -> figures with intervals and baselines. A measure is a file, with a type that documents its figures.

    suite            a model measured on the test faces of its own sources: the whole order
    source_figures   all that is measured on one source, and how its test faces are chosen
    interfaces       what a measure is given: a model, a judge, requests for faces
    attributes       how well attributes are read from faces
    captions         captions that a model writes, beside the given ones
    reconstruction   images through the image tokenizer and back: PSNR, use of the codebook
    agreement        whether drawn faces show what was requested
    guidance         agreement over the guidance scale, and for the best of n faces by the model's own reading
    judge            a small classifier that says what a face shows; its network and training
    figure           a figure of a card: value, unit, protocol, interval, what each example added
    stats            bootstrap intervals, calibration
    presentation     what the report shows: plots, captioned and analysed faces, samples, loss curves
    publish          writes card.json, results/ and report.html
    card             the content of card.json
    cards/           a card: its protocol, its figures by group of faces
    resources        seconds and peak memory of a piece of work

Read first: `suite.evaluate`, then `source_figures.measure_source`.
"""
