"""The datasets: a file each, which holds the dataset's entry (`DATASET`) and reads its official layout.

    base         what a dataset is to the rest: its entry, `Dataset`, and its faces once it is opened, `Source`
    listed       a dataset that is a list of faces in image files, `Listed`; finding files, splits by a hash
    tables       the rows of a CSV file of labels, with names of files and lines in its errors
    celeba_files     CelebA's label files, and its partition, which decides over all sets of CelebA's images
    celeba_hq_files  CelebA-HQ's images by number, for the sets about them
    tfds_records     examples of what TFDS has prepared, by position
    age_benchmark   published partitions of datasets of ages, chosen by name
    own/         your own data: tables, tar shards, Hugging Face directories
    img2dataset   photographs from the web in the shards that img2dataset writes
    prepared     a dataset as TFDS has prepared it, read in place of its folder
    prepared_index  the names and labels in such a dataset, kept on this machine so that it is parsed once
    registry     which datasets there are, `MODULES`; finds an entry by its kind, opens the sources of a config

Read first: `base.Dataset`, then `celeba`. To add a dataset write its file, a line of `registry.MODULES` and a test.
"""
