"""FFHQ, with the labels of FFHQ-Aging and the captions of FFHQ-Text if they are beside its images.

FFHQ itself has neither labels nor captions. FFHQ-Aging has gender, a range of age and glasses, by crowdsourcing;
FFHQ-Text has nine handwritten captions for each of 760 women. All three number faces alike, so they share one split.
"""

import functools
import json
import pathlib
import re
from collections.abc import Callable, Iterator

import numpy as np

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data import names
from t2f_jax.data.datasets import tables
from t2f_jax.data.datasets.base import Dataset
from t2f_jax.data.datasets.listed import Face, Listed, images_in, validation_by_hash
from t2f_jax.errors import UserError
from t2f_jax.io.files import read_lines
from t2f_jax.io.framing import of_68
from t2f_jax.tokens import ranges
from t2f_jax.tokens.attributes import Attribute, Fields

_RANGES = ((0, 2), (3, 6), (7, 9), (10, 14), (15, 19), (20, 29), (30, 39), (40, 49), (50, 69), (70, 120))
_AGES = {f"{low}-{high}": str(ranges.write(low, high)) for low, high in _RANGES}
SCHEMA = (
    names.GENDER,
    Attribute("age", (), 0, 120, tuple(_AGES.values())),
    *names.schema(("Eyeglasses", "Sunglasses")),
)
_GLASSES = {"None": (False, False), "Normal": (True, False), "Dark": (None, True)}  # eyeglasses, sunglasses
# Labels with less agreement are unknown.
_SURE_OF_AGE, _SURE_OF_GENDER = 0.6, 0.66
# The first existing one is read; in-the-wild images are not, since a photograph occurs several times in them.
_IMAGES = ("images1024x1024", "thumbnails128x128", "ffhq_aging256x256")
_SIDES = {"images1024x1024": 1024, "thumbnails128x128": 128}
_METADATA = "ffhq-dataset-v2.json"
_TEXTS = "FFHQ-Text"
_LABELS = "ffhq_aging_labels.csv"
TRAINING = 60_000  # smaller numbers are training


def _open(name: str, config: SourceConfig, seed: int) -> Listed:
    folder = pathlib.Path(config.folder)
    schema = SCHEMA if (folder / _LABELS).exists() else ()
    return Listed(name, DATASET, _faces(folder), schema=schema, landmarks=_landmarks(folder))


def _faces(folder: pathlib.Path) -> Iterator[Face]:
    """The existing faces, in the order of their numbers."""
    labels, captions = _read_labels(folder), _read_captions(folder)
    for number, path in sorted(_images(folder).items()):
        split = validation_by_hash(f"{number:05d}") if number < TRAINING else "test"
        fields: Fields = {"attributes": labels.get(number, {}), "captions": captions.get(number, [])}
        yield Face(f"{number:05d}.png", path, fields, split)


def _root(folder: pathlib.Path) -> pathlib.Path:
    return next((folder / place for place in _IMAGES if (folder / place).is_dir()), folder)


def _images(folder: pathlib.Path) -> dict[int, pathlib.Path]:
    """{number: image}, in folders of a thousand or in one folder."""
    root = _root(folder)
    found: dict[int, pathlib.Path] = {}
    for sub in (root, *(each for each in sorted(root.iterdir()) if re.fullmatch(r"\d{5}", each.name))):
        found |= {int(stem): path for stem, path in images_in(sub).items() if re.fullmatch(r"\d{1,5}", stem)}
    return found


def _read_labels(folder: pathlib.Path) -> dict[int, dict[str, str | int]]:
    """FFHQ-Aging's labels by the number of the face; none if its table is missing."""
    if not (folder / _LABELS).exists():
        return {}
    columns = ("image_number", "age_group", "age_group_confidence", "gender", "gender_confidence", "glasses")
    return {
        _number(row["image_number"], f"{folder / _LABELS}, line {line}"): _labels(
            row, f"{folder / _LABELS}, line {line}"
        )
        for line, row in tables.read_csv(folder / _LABELS, columns)
    }


def _labels(row: dict[str, str], where: str) -> dict[str, str | int]:
    if row["age_group"] not in _AGES:
        raise UserError(
            f"{where}: age_group '{row['age_group']}' should be one of {', '.join(_AGES)}; spreadsheets turn these"
            " into dates: use the file as published"
        )
    labels: dict[str, str | int] = {}
    gender = names.gender(row["gender"])
    if gender and _share(row["gender_confidence"], where) > _SURE_OF_GENDER:
        labels["gender"] = gender
    if _share(row["age_group_confidence"], where) > _SURE_OF_AGE:
        labels["age"] = _AGES[row["age_group"]]
    glasses = _GLASSES.get(row["glasses"], (None, None))  # -1: no face was found
    return labels | names.labels(dict(zip(("Eyeglasses", "Sunglasses"), glasses)))


def _share(cell: str, where: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise UserError(f"{where}: a confidence '{cell}' that is not a number") from None


def _number(cell: str, where: str) -> int:
    if not cell.isdecimal():
        raise UserError(f"{where}: image_number '{cell}' should be the number of a face of FFHQ")
    return int(cell)


def _landmarks(folder: pathlib.Path) -> Callable[[Face], np.ndarray | None] | None:
    """-> face -> its landmarks, if FFHQ's own metadata and images exist; FFHQ-Aging crops its images differently."""
    side = _SIDES.get(_root(folder).name)
    if side is None or not (folder / _METADATA).is_file():
        return None
    read, scale = functools.cache(_read_landmarks), side / 1024

    def landmarks(face: Face) -> np.ndarray | None:
        points = read(folder / _METADATA).get(int(pathlib.PurePath(face.id).stem))
        return None if points is None else (points + 0.5) * scale - 0.5

    return landmarks


def _read_landmarks(path: pathlib.Path) -> dict[int, np.ndarray]:
    """{number: landmarks in the image of 1024 pixels}; read face by face, since all 268 MB at once take gigabytes."""
    text, decoder, gap = path.read_text(encoding="utf-8"), json.JSONDecoder(), re.compile(r"[\s,:]*")
    found: dict[int, np.ndarray] = {}
    at = text.find("{") + 1
    try:
        while text[at := gap.match(text, at).end()] != "}":  # type: ignore[union-attr]
            number, at = decoder.raw_decode(text, at)
            face, at = decoder.raw_decode(text, gap.match(text, at).end())  # type: ignore[union-attr]
            points_68x2 = np.array(face["image"]["face_landmarks"], np.float64).reshape(68, 2)
            found[int(number)] = of_68(points_68x2).astype(np.float32)
    except (ValueError, LookupError, TypeError) as error:
        raise UserError(
            f"{path}: not FFHQ's metadata, or cut short behind face {max(found, default='none')} ({error})"
        ) from None
    return found


def _read_captions(folder: pathlib.Path) -> dict[int, list[str]]:
    """FFHQ-Text's captions by face number: one text file per face, anywhere in its folder, one caption per line."""
    captions: dict[int, list[str]] = {}
    for path in sorted((folder / _TEXTS).rglob("*.txt")):
        if re.fullmatch(r"\d{1,5}", path.stem):
            lines = (" ".join(line.split()) for line in read_lines(path, "file of captions"))
            captions[int(path.stem)] = list(dict.fromkeys(filter(None, lines)))
    return captions


DATASET = Dataset(
    kind="ffhq",
    title="FFHQ",
    folder="FFHQ",
    open=_open,
    schema=SCHEMA,
    prompts=("gender : female , eyeglasses", "gender : male , age : 25", "age : 5"),
    size="70,000 faces",
    captions=f"9 of each of 760 women, by hand, if {_TEXTS}/ is there",
    licence="CC BY-NC-SA 4.0, FFHQ-Aging and FFHQ-Text, too; each photograph has a licence of its own besides",
    citation=(
        "T. Karras, S. Laine, T. Aila: A Style-Based Generator Architecture for Generative Adversarial Networks, CVPR"
        " 2019; R. Or-El, S. Sengupta, O. Fried, E. Shechtman, I. Kemelmacher-Shlizerman: Lifespan Age Transformation"
        " Synthesis, ECCV 2020; Y. Zhou, N. Shimada: Generative Adversarial Network for Text-to-Face Synthesis and"
        " Manipulation with Pretrained BERT Model, FG 2021"
    ),
    obtain=(
        "From https://github.com/NVlabs/ffhq-dataset take images1024x1024/ or thumbnails128x128/, and for"
        f" landmarks {_METADATA}; for labels"
        f" {_LABELS} from https://github.com/royorel/FFHQ-Aging-Dataset; for captions ask at"
        f" https://github.com/Yutong-Zhou-cv/FFHQ-Text_Dataset and unpack the texts into {_TEXTS}/. All lie"
        " side by side."
    ),
    split_rule=(
        "the last 10,000 faces are the test, as published; of the 60,000 before, one in twenty is validation, by a hash"
        " of its number"
    ),
    landmarks=True,
)
