"""Fields of a face <-> words <-> ids <-> rows of ids. Needs numpy alone: no JAX, no TensorFlow.

    vocab            the joint id space: text ids first, image codes after them; all special ids are written here alone
    text_tokenizer   text <-> ids: SentencePiece, trained on a project's captions, or BERT's WordPiece of the original
    attributes       what can be asked of a face: attributes, schemas, the fields of a face, checks of a request
    ranges           numbers of which a range is known: an age of "20-29", or "70+"
    templates        attributes -> the words of a row: prompts, questions, answers
    targets          labels as arrays, for networks that predict them from pixels
    phrases          tables: in which ways a caption may put a label into words
    ages             an age or a range of ages in words
    sentences        the grammar of captions: phrases -> sentences
    captions         labels of a face -> an English caption in varied words and order, by those tables
    plain_captions   labels of a face -> its one plain caption: each fact once, the most telling first
    clauses          a caption with some of its sentences and clauses left out
    facts            an English caption -> what it says of a face, and whether the labels confirm it
    prompts          what a face to be generated should show: text, weighted attributes, attributes to avoid
    sequence         prompts, images and answers -> rows of ids, segments, positions and loss weights
    packing          several examples in one row, so that little of it is padding

Read first: `sequence.assemble`, whose docstring shows a row. For other rooms: `attributes.Attribute`, `Fields`,
`sequence.Batch`, `vocab.Vocab`, `text_tokenizer.load`, `prompts.make`.
"""
