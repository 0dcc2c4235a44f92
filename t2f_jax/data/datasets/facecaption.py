"""FaceCaption-15M: faces within photographs of LAION-Face, with captions that a language model wrote of 40 attributes.

Addresses, boxes of faces and captions are published in one Parquet file; img2dataset downloads the photographs. Other
versions had other column names, so they are given for the download. The attributes were predicted, and the captions
were not checked by people.
"""

import pathlib

from t2f_jax.data.datasets.base import Dataset
from t2f_jax.data.datasets.img2dataset import Downloaded

DATASET = Dataset(
    kind="facecaption",
    title="FaceCaption-15M",
    folder="FaceCaption-15M",
    open=lambda name, config, seed: Downloaded(name, DATASET, pathlib.Path(config.folder)),
    schema=(),
    prompts=(
        "a smiling young woman with wavy hair",
        "a man with a beard and bushy eyebrows",
        "an old man with gray hair",
    ),
    size="15 million faces as published; many links are dead",
    captions="1 a face, by a language model from predicted attributes",
    licence="table CC BY 4.0; each photograph is its owner's",
    citation=(
        "D. Dai, Y. Li, Y. Liu, M. Jia, Z. YuanHui, G. Wang: 15M Multimodal Facial Image-Text Dataset, arXiv"
        " 2407.08515, 2024"
    ),
    obtain=(
        "From https://huggingface.co/datasets/OpenFace-CQUPT/FaceCaption-15M take FaceCaption-v2.parquet and look at"
        " its columns. Call that of the boxes face_box, and download the photographs: img2dataset --url_list"
        " FaceCaption-v2.parquet --input_format parquet --url_col url --caption_col caption --save_additional_columns"
        " '[\"face_box\"]' --resize_mode no --output_format webdataset. The folder holds the shards, 00000.tar and"
        " so on."
    ),
    split_rule="a hash of the photograph's address decides (8 : 1 : 1 on average), as in LAION-Face",
)
