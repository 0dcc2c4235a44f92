"""Labels and captions of a face <-> text <-> ids <-> rows of ids. Needs only numpy, neither JAX nor TensorFlow.

    vocab            the joint id space: text ids first, then image codes; the only module that knows special ids
    text_tokenizer   text <-> ids: SentencePiece, trained on the run's captions, or the original's BERT WordPiece
    attributes       attributes, schemas, the labels and captions of a face, checks of requested values
    ranges           labels that are ranges of numbers: an age of "20-29", or "70+"
    templates        attributes -> the text of a row: prompts, questions, answers
    targets          labels as arrays, for networks that predict them from pixels
    phrases          tables of the phrases by which captions express labels
    ages             an age or a range of ages in words
    sentences        the grammar of captions: phrases -> sentences
    captions         labels of a face -> an English caption in varied words and order, from those tables
    plain_captions   labels of a face -> its one plain caption: each fact once, the most informative first
    clauses          a caption with some of its sentences and clauses left out
    facts            an English caption -> the attributes it states, and whether the labels confirm them
    prompts          what a generated face should show: text, weighted attributes, attributes to avoid
    sequence         prompts, images and answers -> rows of ids, segments, positions and loss weights
    packing          several examples in one row, to reduce padding

Read first: `sequence.assemble`, whose docstring shows a row. For other rooms: `attributes.Attribute`, `Fields`,
`sequence.Batch`, `vocab.Vocab`, `text_tokenizer.load`, `prompts.make`.
"""
