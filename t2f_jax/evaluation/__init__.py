"""Evaluation: measures a model and returns figures with intervals and baselines. Each measure has its own file.

    suite            evaluates a model on the test faces of its own sources, from start to end
    sources          which data a model is evaluated on, and which attributes it can be asked about
    held_out         the faces of a source that a model is evaluated on
    chunks           work on many examples: shared by processes, stored on disk, resumable
    source_figures   everything that is measured on one source: the work, then its figures
    reading          a model's codes, answers, captions and reconstructions of faces
    image_sets       features of real and generated images, and the figures that compare both sets
    metrics          one metric a file: FID, KID, precision and recall, ...
    instruments      other networks that measure images: those in users' files, the model's own face features
    looking          network features of test faces, reconstructions and generated faces
    interfaces       inputs of a measure: a model, a judge, requests for faces
    attributes       accuracy of the attributes predicted from faces
    captions         captions that a model writes, compared with the reference captions
    reconstruction   images through the image tokenizer and back: PSNR, use of the codebook
    agreement        whether generated faces show what was requested
    guidance         agreement by guidance scale, and for the best of n faces as the model itself ranks them
    kept             where a model's own run stores pixels and its judge
    judge            a small classifier that predicts what a face shows; its network and training
    metrics/         one metric a file: BLEU, calibration, ...
    corpus_scores    corpus-level caption scores, from sums over the examples
    result           the result of an evaluation: parts with figures, rows and images
    parts            makes the parts of a result from finished work: figures
    face_figures     ... of the model's answers, captions and reconstructions of faces
    ceiling          ... of what remains after the image tokenizer alone
    drawn_figures    ... of generated faces
    image_figures    ... of network features of images
    rows             the results of every example, as JSON lines
    figure           a figure of a card: value, unit, protocol, interval, contribution of each example
    stats            bootstrap intervals
    presentation     what the report shows: plots, captioned and analysed faces, samples, loss curves
    publish          writes card.json, results/ and report.html
    card             the content of card.json
    cards/           result cards: protocols, figures by group of faces, comparison
    resources        seconds and peak memory of a piece of work

Read first: `suite.evaluate`, then `source_figures.work_on`, `parts.make`.
"""
