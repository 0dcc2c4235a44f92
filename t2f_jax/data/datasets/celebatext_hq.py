"""CelebAText-HQ: faces of CelebA-HQ with about ten captions each, written by people.

CelebAText-HQ/
    captions/7.txt                          one caption per line
    CelebAimg/7.jpg                         CelebA-HQ's images; otherwise those of CelebAMask-HQ/ beside it
    CelebAMask-HQ-attribute-anno.txt        likewise

The splits are CelebA's (see `celeba_files`), not the dataset's own in data_flist/, which disregard CelebA's.
"""

import pathlib

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets.base import Dataset
from t2f_jax.data.datasets.celeba_files import SCHEMA
from t2f_jax.data.datasets.celeba_hq_files import HQ, IMAGES, HQFiles, read_captions
from t2f_jax.data.datasets.listed import Face, Listed, find


def _open(name: str, config: SourceConfig, seed: int) -> Listed:
    folder = pathlib.Path(config.folder)
    texts = find(folder, DATASET, "captions")
    files = HQFiles(config, DATASET, ("CelebAimg", IMAGES))
    skipped: dict[str, str] = {}
    faces = []
    known = set(files.numbers())
    described = {int(path.stem): path for path in texts.glob("*.txt") if path.stem.isdecimal()}
    for number, text in sorted(described.items()):
        id, captions = f"{number}.jpg", read_captions(text)
        if not captions or number not in known:
            skipped[id] = f"{text.name} is empty" if number in known else "no image of CelebA-HQ has this number"
            continue
        attributes = files.attributes(number)
        faces.append(
            Face(id, files.image(number), {"attributes": attributes, "captions": captions}, files.split(number))
        )
    return Listed(name, DATASET, faces, skipped)


DATASET = Dataset(
    kind="celebatext_hq",
    title="CelebAText-HQ",
    folder="CelebAText-HQ",
    open=_open,
    of_celeba=True,
    schema=SCHEMA,
    prompts=("A young woman with long blond hair is smiling with her mouth open.", "gender : male , black hair"),
    size="some 15,000 faces",
    captions="10 a face, written by hand",
    licence="not stated for the captions; the images as CelebAMask-HQ, non-commercial research and education only",
    citation=(
        "J. Sun, Q. Li, W. Wang, J. Zhao, Z. Sun: Multi-caption Text-to-Face Synthesis: Dataset and Algorithm, ACM MM"
        " 2021"
    ),
    obtain=(
        "Captions: https://github.com/cripac-sjx/SEA-T2F; the folder holds captions/. Images, labels and the mapping:"
        f" CelebAMask-HQ from https://github.com/switchablenorms/CelebAMask-HQ, unpacked as {HQ}/ beside this folder."
    ),
    split_rule="CelebA's partition, found through CelebA-HQ-to-CelebA-mapping.txt, decides",
)
