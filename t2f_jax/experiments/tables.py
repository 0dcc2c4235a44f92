"""The tables of the paper and of its rivals: the dataset of each setting, and the figure of each column.

Published values are in `published.csv`, see `published`; `reproduce` fills in our row.
"""

import dataclasses
from typing import Literal

from t2f_jax.data.datasets.base import Split


@dataclasses.dataclass(frozen=True)
class Column:
    """One metric of a setting.

    Attributes:
      metric: its name in `published.csv`.
      figure: the name of our figure, see `evaluation.figure`.
      scale: factor from our value to the column's unit.
      better: `higher` or `lower`.
      needs: the user's file that it is measured with: `network` or `meteor`; `unknown` if the papers do not name it.
      without: why our row may have no value, for the reader.
    """

    metric: str
    figure: str
    scale: float
    better: str
    needs: Literal["", "network", "meteor", "unknown"] = ""
    without: str = "not among the figures that were measured"


@dataclasses.dataclass(frozen=True)
class Setting:
    """A dataset with a protocol: values in one table can be compared as far as `differs` allows.

    Attributes:
      name: its name in `published.csv`.
      kind: of the dataset, see `data.datasets.registry`.
      partitions: those that fit; the first is used, or the one that the model was trained with.
      differs: how our protocol differs from the published ones; empty if it does not, as far as is known.
    """

    name: str
    title: str
    kind: str
    columns: tuple[Column, ...]
    split: Split = "test"
    partitions: tuple[str, ...] = ("",)
    differs: str = ""

    @property
    def draws(self) -> bool:
        """Whether a column is about generated faces."""
        return any(column.figure.startswith("texts/") for column in self.columns)


@dataclasses.dataclass(frozen=True)
class Table:
    """Settings of one task."""

    name: str
    title: str
    settings: tuple[Setting, ...]


_WORDS = "the packages of t2f_jax[eval] are missing, or the faces have no captions"
_JAR = "it needs METEOR's meteor-1.5.jar from https://www.cs.cmu.edu/~alavie/METEOR (--meteor FILE)"
_INCEPTION = (
    "it needs pytorch-fid's Inception, pt_inception-2015-12-05-6726825d.pth from"
    " https://github.com/mseitzer/pytorch-fid"
    " (--network FILE)"
)
_LPIPS = "the published network is not known"
_WORDING = (
    Column("BLEU-4", "captions/bleu_4", 100, "higher", "", _WORDS),
    Column("METEOR", "captions/meteor", 100, "higher", "meteor", _JAR),
    Column("ROUGE-L", "captions/rouge_l", 100, "higher", "", _WORDS),
    Column("CIDEr", "captions/cider_d", 100, "higher", "", _WORDS),
)
_HQ_SPLIT = "Test faces are those of CelebA's partition (some 2,800), where the published ones are 6,000."
_BENCHMARK = tuple(f"age-benchmark-{i}" for i in range(5))
_AGE = Column("MAE", "attributes/age/mae", 1, "lower")
_GENDER = Column("gender", "attributes/gender/accuracy", 100, "higher")
_FIVE = "One of the benchmark's five assignments, where the published values are means over all five."


def _benchmark(kind: str, title: str) -> Setting:
    title = f"{title}, the Facial Age Estimation Benchmark's folds: mean absolute error in years"
    return Setting(f"{kind}-benchmark", title, kind, (_AGE,), partitions=_BENCHMARK, differs=_FIVE)


FACES = Table(
    "faces",
    "Text to face",
    (
        Setting(
            "mm_celeba_hq-faces",
            "Multi-Modal-CelebA-HQ: faces generated for captions",
            "mm_celeba_hq",
            (
                Column("FID", "texts/fid", 1, "lower", "network", _INCEPTION),
                Column("LPIPS to the real face", "texts/lpips_to_real", 1, "lower", "unknown", _LPIPS),
            ),
            differs=f"{_HQ_SPLIT} FID falls with the number of faces.",
        ),
    ),
)
CAPTIONS = Table(
    "captions",
    "Face to caption",
    (
        Setting(
            *("mm_celeba_hq-captions", "Multi-Modal-CelebA-HQ, x 100", "mm_celeba_hq", _WORDING), differs=_HQ_SPLIT
        ),
        Setting(
            *("face2text-captions", "Face2Text, x 100", "face2text"),
            (*_WORDING, Column("CIDEr-D", "captions/cider_d", 100, "higher", "", _WORDS)),
            differs="What the Face2Text authors report as CIDEr is not clipped; ours is CIDEr-D in both columns.",
        ),
        Setting(
            *("celebatext_hq-captions", "CelebAText-HQ, x 100", "celebatext_hq", _WORDING),
            differs="Test faces are those of CelebA's partition; the published split is not stated.",
        ),
    ),
)
AGE = Table(
    "age",
    "Age, gender and ethnicity",
    (
        _benchmark("utkface", "UTKFace"),
        _benchmark("agedb", "AgeDB"),
        _benchmark("morph", "MORPH II"),
        Setting(
            *("imdb_clean", "IMDB-clean: age in years, CS@5 and gender in %", "imdb_clean"),
            (_AGE, Column("CS@5", "attributes/age/cs5", 100, "higher"), _GENDER),
        ),
        Setting(
            *("appa_real-validation", "APPA-REAL, validation part: mean absolute error in years", "appa_real"),
            (
                Column("MAE, apparent", "attributes/apparent age/mae", 1, "lower"),
                Column("MAE, real", "attributes/age/mae", 1, "lower"),
            ),
            split="validation",
        ),
        Setting(
            *("fairface", "FairFace, published validation set: accuracy in %", "fairface"),
            (
                Column("age group", "attributes/age/range_accuracy", 100, "higher"),
                _GENDER,
                Column("ethnicity", "attributes/ethnicity/accuracy", 100, "higher"),
            ),
            differs="East and Southeast Asian are one of six groups of ethnicity here, two of seven in the set.",
        ),
    ),
)
ATTRIBUTES = Table(
    "attributes",
    "Attributes",
    (
        Setting(
            *("celeba", "CelebA: mean accuracy of 40 attributes in %", "celeba"),
            (Column("mAcc", "attributes/accuracy", 100, "higher"),),
            differs="Ours is a mean over the attributes that the model knows; its protocol states how many.",
        ),
        Setting(
            *("lfwa", "LFWA: mean accuracy of the attributes in %", "lfw"),
            (Column("mAcc", "attributes/accuracy", 100, "higher"),),
            differs="Ours is a mean over the attributes that the model knows and the label file (of 40 or 73) holds.",
        ),
    ),
)
TABLES = {table.name: table for table in (FACES, CAPTIONS, AGE, ATTRIBUTES)}
