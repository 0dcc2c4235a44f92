"""Fields of a face <-> words <-> ids <-> rows of ids. numpy alone: no JAX, no TensorFlow.

    vocab            The joint id space: text ids first (special tokens among them), image codes after. Only this modu
    text_tokenizer   Text <-> ids: SentencePiece, trained on a project's own captions, or BERT's WordPiece, which the
    templates        Fields of a face <-> the words that stand in a sequence: prompts, attribute questions and answers
    captions         Labels of a face -> a caption in varied, natural English, since sets of labelled faces come witho
    prompts          What face is asked for: words, attributes, how much each of them counts, and what the face should
    sequence         Prompts, images and answers -> rows of ids, segments, positions and loss weights (numpy only).
    packing          Several examples in one row, so that little of a row is padding (numpy only).

Read first: `sequence.assemble`.
"""
