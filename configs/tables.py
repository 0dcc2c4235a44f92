"""The paper's model trained for a table of the paper, on the training parts of the datasets that the table reads.

    t2f train tables:age text.vocab_file=google_uncased_en_vocab.txt --out gs://bucket/age
    t2f reproduce age --model gs://bucket/age/model --out gs://bucket/age/table

Time: not run; a step takes as long as one of `talk2face_base`. Figures: none yet.

The argument is faces, captions, age or attributes. To leave out a missing dataset: data.sources.<name>.weight=0. MORPH,
AgeDB and UTKFace use the first assignment of the Facial Age Estimation Benchmark; for another one set
data.sources.<name>.partition.
"""

import ml_collections

from t2f_jax import config

SOURCES = {
    "faces": ("mm_celeba_hq",),
    "captions": ("mm_celeba_hq", "face2text", "celebatext_hq"),
    "age": ("utkface", "agedb", "morph", "imdb_clean", "appa_real", "fairface"),
    "attributes": ("celeba", "lfw"),
}
PARTITION = {kind: "age-benchmark-0" for kind in ("utkface", "agedb", "morph")}
SHARES = {  # of the tasks: to an image, to a caption, to attributes
    "faces": (0.6, 0.2, 0.2),
    "captions": (0.2, 0.6, 0.2),
    "age": (0.2, 0.1, 0.7),
    "attributes": (0.2, 0.1, 0.7),
}


def get_config(arg: str = "attributes") -> ml_collections.ConfigDict:
    arg = arg or "attributes"
    config.check_argument(arg, *SOURCES)
    c = config.shipped("talk2face_base")
    c.name = f"tables_{arg}"
    with c.data.sources.unlocked():
        for name in list(c.data.sources):
            del c.data.sources[name]
    for kind in SOURCES[arg]:
        config.source(c, kind, kind=kind, partition=PARTITION.get(kind, ""))
    tasks = c.decoder.tasks
    tasks.to_image, tasks.to_caption, tasks.to_attributes = SHARES[arg]
    c.eval.faces = 0
    return c
