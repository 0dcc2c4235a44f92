"""A model -> figures with intervals and baselines. A measure is a file, with a type that documents its figures.

    suite            a model measured on the test faces of its own sources: the whole order
    sources          which data a model is measured on, and what it can be asked about their faces
    held_out         the faces of a source that a model is measured on
    chunks           work on many examples: shared by processes, kept on the disk, gone on with
    source_figures   all that is measured on one source: the work, then its figures
    reading          what a model makes of faces that it is shown
    image_sets       real and drawn images through a feature network, and the figures of both sets
    metrics          one metric a file: FID, KID, precision and recall, ...
    instruments      what looks at images besides: networks in users' files, the model's own face features
    looking          what networks see in test faces, reconstructions and drawn faces
    interfaces       what a measure is given: a model, a judge, requests for faces
    attributes       how well attributes are read from faces
    captions         captions that a model writes, beside the given ones
    reconstruction   images through the image tokenizer and back: PSNR, use of the codebook
    agreement        whether drawn faces show what was requested
    guidance         agreement over the guidance scale, and for the best of n faces by the model's own reading
    kept             where a model's own run has kept pixels and its judge
    judge            a small classifier that says what a face shows; its network and training
    metrics/         one metric a file: BLEU, calibration, ...
    corpus_scores    scores of a whole corpus of captions, from sums over its examples
    result           what an evaluation has found: parts of figures, rows and images
    parts            work that is done -> the parts of a result: figures
    face_figures     ... of faces that were read
    ceiling          ... of what the image tokenizer alone keeps of them
    drawn_figures    ... of faces that were drawn
    image_figures    ... of what networks saw in images
    rows             what was found of every example, as JSON lines
    figure           a figure of a card: value, unit, protocol, interval, what each example added
    stats            bootstrap intervals
    presentation     what the report shows: plots, captioned and analysed faces, samples, loss curves
    publish          writes card.json, results/ and report.html
    card             the content of card.json
    cards/           a card: its protocol, its figures by group of faces
    resources        seconds and peak memory of a piece of work

Read first: `suite.evaluate`, then `source_figures.work_on`, `parts.make`.
"""
