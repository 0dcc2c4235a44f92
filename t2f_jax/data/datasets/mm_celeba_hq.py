"""Multi-Modal-CelebA-HQ: CelebA-HQ's faces with ten captions each, made by a grammar from CelebA's 40 attributes.

Multi-Modal-CelebA-HQ/
    text/celeba-caption/0.txt .. 29999.txt     one caption per line; some have fewer than ten, empty lines or repeats
    image/images/0.jpg ..                      512 pixels; those of CelebAMask-HQ/ beside it, of 1024, are preferred

Labels and the mapping are CelebAMask-HQ's. The splits are CelebA's (see `celeba_files`), not the dataset's own 24,000
to 6,000, which is not by person. The lists of that split are Python pickles, which are not read.
"""

import pathlib

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets.base import Dataset
from t2f_jax.data.datasets.celeba_files import SCHEMA
from t2f_jax.data.datasets.celeba_hq_files import HQ, IMAGES, HQFiles, read_captions
from t2f_jax.data.datasets.listed import Face, Listed, find


def _open(name: str, config: SourceConfig, seed: int) -> Listed:
    folder = pathlib.Path(config.folder)
    texts = find(folder, DATASET, "text/celeba-caption", "celeba-caption")
    beside = str(folder.absolute().parent / HQ / IMAGES)
    files = HQFiles(config, DATASET, (beside, IMAGES, "image/images", "images", "image"))
    skipped: dict[str, str] = {}
    faces = []
    for number in files.numbers():
        id, text = f"{number}.jpg", texts / f"{number}.txt"
        captions = read_captions(text) if text.is_file() else []
        if captions:
            fields = files.attributes(number), captions
            faces.append(
                Face(id, files.image(number), {"attributes": fields[0], "captions": fields[1]}, files.split(number))
            )
        else:
            skipped[id] = f"{text.name} is {'empty' if text.is_file() else 'absent'}: it has no caption"
    return Listed(name, DATASET, faces, skipped)


DATASET = Dataset(
    kind="mm_celeba_hq",
    title="Multi-Modal-CelebA-HQ",
    folder="Multi-Modal-CelebA-HQ",
    open=_open,
    of_celeba=True,
    schema=SCHEMA,
    prompts=("She is wearing heavy makeup. She has arched eyebrows and wavy hair.", "gender : male , black hair"),
    size="30,000 faces",
    captions="10 a face, made by a grammar from 40 attributes",
    licence="non-commercial research and education only, as CelebAMask-HQ",
    citation=(
        "W. Xia, Y. Yang, J.-H. Xue, B. Wu: TediGAN: Text-Guided Diverse Face Image Generation and Manipulation, CVPR"
        " 2021"
    ),
    obtain=(
        "Captions: text/celeba-caption/ of https://github.com/IIGROUP/MM-CelebA-HQ-Dataset. Images, labels and the"
        f" mapping: CelebAMask-HQ from https://github.com/switchablenorms/CelebAMask-HQ, unpacked as {HQ}/ beside this"
        " folder."
    ),
    split_rule="CelebA's partition, found through CelebA-HQ-to-CelebA-mapping.txt, decides",
)
