"""LAION-Face: 50 million photographs with faces from LAION-400M, with their text from the web.

Identifiers are published; img2dataset downloads the photographs. The face detections (sample2detect_<n>.pth) are
pickles of a gigabyte each, which are not read: put a face's box into the samples' json as `face_box`, or the whole
photograph is read. The texts are often a name and rarely a description.
"""

import pathlib

from t2f_jax.data.datasets.base import Dataset
from t2f_jax.data.datasets.img2dataset import Downloaded

DATASET = Dataset(
    kind="laion_face",
    title="LAION-Face",
    folder="LAION-Face",
    open=lambda name, config, seed: Downloaded(name, DATASET, pathlib.Path(config.folder)),
    schema=(),
    prompts=("a portrait of a smiling woman", "a man with a beard", "a child with glasses"),
    size="50 million photographs as published; many links are dead",
    captions="1 a photograph, the text beside it on the web",
    licence="identifiers CC BY 4.0; each photograph is its owner's",
    citation=(
        "Y. Zheng, H. Yang, T. Zhang, J. Bao, D. Chen, Y. Huang, L. Yuan, D. Chen, M. Zeng, F. Wen: General Facial"
        " Representation Learning in a Visual-Linguistic Manner, CVPR 2022"
    ),
    obtain=(
        "Follow https://github.com/FacePerceiver/LAION-Face: make the parquet files of metadata and download the"
        " photographs with img2dataset in the format webdataset. The folder holds its shards, split_00000/00000.tar and"
        " so on."
    ),
    split_rule="a hash of the photograph's address decides (8 : 1 : 1 on average)",
)
