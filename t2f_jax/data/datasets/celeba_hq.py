"""CelebA-HQ as distributed with CelebAMask-HQ: 30,000 faces of 1024 pixels with CelebA's 40 attributes.

CelebAMask-HQ/
    CelebA-HQ-img/0.jpg .. 29999.jpg
    CelebAMask-HQ-attribute-anno.txt       as CelebA's list_attr_celeba.txt
    CelebA-HQ-to-CelebA-mapping.txt        idx orig_idx orig_file

The splits are CelebA's (see `celeba_files`). Masks and poses are not read. Other copies named CelebA-HQ number the
images differently: their labels and captions cannot be combined with these.
"""

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets.base import Dataset
from t2f_jax.data.datasets.celeba_files import SCHEMA
from t2f_jax.data.datasets.celeba_hq_files import HQ, HQFiles
from t2f_jax.data.datasets.listed import Face, Listed


def _open(name: str, config: SourceConfig, seed: int) -> Listed:
    files = HQFiles(config, DATASET)
    skipped: dict[str, str] = {}
    faces = []
    for number in files.numbers():
        id, attributes = f"{number}.jpg", files.attributes(number)
        if attributes:
            faces.append(Face(id, files.image(number), {"attributes": attributes, "captions": []}, files.split(number)))
        else:
            skipped[id] = "it has no row in the file of labels"
    return Listed(name, DATASET, faces, skipped)


DATASET = Dataset(
    kind="celeba_hq",
    title="CelebA-HQ",
    folder=HQ,
    open=_open,
    of_celeba=True,
    schema=SCHEMA,
    prompts=("a smiling young woman with blond hair", "gender : male , black hair , eyeglasses"),
    size="30,000 faces",
    licence="non-commercial research and education only",
    citation=(
        "T. Karras, T. Aila, S. Laine, J. Lehtinen: Progressive Growing of GANs for Improved Quality, Stability, and"
        " Variation, ICLR 2018; C.-H. Lee, Z. Liu, L. Wu, P. Luo: MaskGAN: Towards Diverse and Interactive Facial Image"
        " Manipulation, CVPR 2020"
    ),
    obtain=(
        "From https://github.com/switchablenorms/CelebAMask-HQ take CelebAMask-HQ.zip, unpacked; the folder holds"
        " CelebA-HQ-img/, CelebAMask-HQ-attribute-anno.txt and CelebA-HQ-to-CelebA-mapping.txt."
    ),
    split_rule="CelebA's partition, found through CelebA-HQ-to-CelebA-mapping.txt, decides",
)
