"""Your own data: tables with one row per face, tar shards, Hugging Face directories or TFDS, read in the same way.

    source      the dataset's entry, and the faces as a source
    layouts     chooses the reader for a path by its files
    manifest    a table (CSV, JSON lines or Parquet) of images in separate files, as Hugging Face's imagefolder
    shards      tar shards as WebDataset and img2dataset write them
    arrow       Hugging Face datasets: saved to disk, or Parquet files that contain the images
    tfds        datasets that TFDS has prepared, by name
    rows        a row: its image, in any layout, and its values
    columns     columns -> captions, attributes and their schema; what each column was read as
    kinds       the kind of a column's values: yes or no, numbers, a few words, or not an attribute
    splits      the split of a face: from its row, folder or shard, otherwise by a hash of its name
    check       checks data: lists all problems at once, and how the data is read
    make        writes a first table for a folder of images

Read first: `source.Own`, then `columns.read`.
"""
