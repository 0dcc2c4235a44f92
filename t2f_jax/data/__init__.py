"""Datasets -> pixels -> image codes -> batches. The only room that imports TensorFlow.

    datasets/   The datasets, a file each.
    pixels      A dataset's pixels at one size, decoded or drawn once and kept as a memory map; and the augmented view
    augment     Views of a face: mirrored, shifted and scaled copies, each a pure function of its number.
    prepare     Images become codes and sentences a text tokenizer, once, before training: writes what `store.Store` r
    corpus      The sentences that the text tokenizer is trained on, and its training.
    store       A prepared dataset, read by position: codes of every face and view, its fields, and the text tokenizer
    mixture     Which face stands in row g of training, as a closed form: no counters, so that a run resumes from its
    examples    A face of a store -> one row's example: which task, which view, which words, all drawn from one genera
    pipeline    Batches for the trainers through tf.data: batch s is a pure function of (seed, s), so a run resumes fr

Read first: `prepare.run`, then `pipeline.sequence_batches`.
"""
