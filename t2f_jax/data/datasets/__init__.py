"""The datasets, one file each, with the dataset's entry (`DATASET`) and a reader of its official layout.

    base         the interface of datasets: an entry, `Dataset`, and the faces of an opened dataset, `Source`
    listed       a dataset that is a list of faces in image files, `Listed`; finding files, splits by a hash
    tables       the rows of a CSV file of labels; its errors name file and line
    celeba_files     CelebA's label files, and its partition, which decides the splits of all datasets of its images
    celeba_hq_files  CelebA-HQ's images by number, for the datasets about them
    tfds_records     examples of datasets prepared by TFDS, by position
    age_benchmark   published partitions of age datasets, chosen by name
    own/         your own data: tables, tar shards, Hugging Face directories
    img2dataset   photographs from the web in the shards that img2dataset writes
    prepared     a dataset prepared by TFDS, read instead of its folder
    prepared_index  the names and labels in such a dataset, cached on this machine so that it is parsed once
    registry     the list of datasets, `MODULES`; finds an entry by its kind, opens the sources of a config

Read first: `base.Dataset`, then `celeba`. To add a dataset write its file, a line of `registry.MODULES` and a test.
"""
