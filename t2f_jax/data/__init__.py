"""Datasets -> pixels -> image codes -> batches. The only room that imports TensorFlow.

    datasets/   the public datasets and the drawn faces, one file each
    names       one table of attributes for all datasets: maps their own columns and codes to the names used here
    tfds_builders   the datasets as TFDS builders, `tfds.load("t2f_celeba", ...)`
    pixels      a dataset's pixels at one size, decoded or drawn once and kept as a memory map
    reading     decodes or draws faces ahead, by threads or processes
    opt_out     the list of pictures that must not be read, by hashes of files and of their content
    augment     views of a face: mirrored, shifted and scaled copies, each a pure function of seed, face and view
    prepare     images -> codes, sentences -> a text tokenizer, once before training; writes what `store.Store` reads
    shards      the faces of a split encoded in shards, each by one process, complete or absent
    joining     all shards of a split -> a part of a store
    duplicates  finds duplicate pictures (recompressed, resized or mirrored) by perceptual hashes
    copies      such duplicates in the parts of a store: lists them and leaves them out
    corpus      the sentences that the text tokenizer is trained on, and its training
    store       a prepared dataset, read by position: codes of every face and view, its fields, the text tokenizer
    card        the data card of a store: counts of its contents
    records     labels and captions of each face, in a file of lines that are read one by one
    mixture     the face of row g of training, by a formula of g and the seed, so that a run resumes from its step
    streams     random generators, one for each row's number, many made at once
    examples    a face of a store -> an example: its task, view and text, all drawn from one generator
    rows        batches of rows for the decoder: examples of all sources, assembled or packed
    processes   batches made in order by several processes
    shared_batches  such batches in memory that the processes share
    bare_decoding   JPEGs decoded by tf.data alone, for comparison
    pipeline    batches through tf.data, made ahead in a thread; batches of images for the image tokenizer

Read first: `prepare.run`, then `rows.Rows`. For other rooms: `datasets.registry`, `pixels.read_images`, `store.Store`,
`rows.Rows`, `pipeline.image_batches`.
"""

from t2f_jax.io import quiet

quiet.tensorflow()
