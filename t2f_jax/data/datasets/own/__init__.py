"""Your own data: a row a face in a table, tar shards, a Hugging Face directory or TFDS, read into the same faces.

    source      the dataset's entry, and the faces as a source
    layouts     what lies at a path -> the reader of it
    manifest    a table (CSV, JSON lines or Parquet) of images in files of their own, as Hugging Face's imagefolder
    shards      tar shards as WebDataset and img2dataset write them
    arrow       Hugging Face datasets: saved to disk, or Parquet files that hold the images
    tfds        datasets that TFDS has prepared, by name
    rows        a row: its image, wherever that lies, and its values
    columns     columns -> captions, attributes and their schema; what each column was read as
    kinds       what the values of a column are: yes or no, numbers, a few words, or nothing that can be asked
    splits      which split a face belongs to: what its row, folder or shard says, else a hash of its name
    check       what is wrong with data, all of it at once, and how it is read
    make        a first table of a folder of images

Read first: `source.Own`, then `columns.read`.
"""
