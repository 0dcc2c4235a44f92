"""AffectNet: faces from the web, labelled with their expression.

Its valence and arousal, real numbers from -1 to 1, are not read: an attribute is a choice or a whole number. A face
whose expression is "none" or "uncertain", or where there is no face, is left out.
"""

import functools
import os
import pathlib
from collections.abc import Iterator

import numpy as np

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data import names
from t2f_jax.data.datasets import tables
from t2f_jax.data.datasets.base import Box, Dataset, Split
from t2f_jax.data.datasets.listed import Face, Listed, find, images_in, validation_by_hash, widened
from t2f_jax.errors import UserError
from t2f_jax.io import framing
from t2f_jax.tokens.attributes import Fields

SCHEMA = (names.EXPRESSION,)
EXPRESSIONS = ("neutral", "happy", "sad", "surprised", "afraid", "disgusted", "angry", "contemptuous")  # codes 0..7
_NO_EXPRESSION = {8: "none", 9: "uncertain", 10: "no face"}
_SIDES = ("face_x", "face_y", "face_width", "face_height")
_ID, _LANDMARKS = "subDirectory_filePath", "facial_landmarks"
# Some copies of training.csv come without this header.
_HEADER = (_ID, *_SIDES, _LANDMARKS, "expression", "valence", "arousal")
_MARGIN = 0.1


def _open(name: str, config: SourceConfig, seed: int) -> Listed:
    folder = pathlib.Path(config.folder)
    skipped: dict[str, str] = {}
    if (folder / "train_set").is_dir():
        return Listed(name, DATASET, _of_2021(folder, skipped), skipped, None, _landmarks_of_2021)
    read = functools.cache(_landmarks_of_2017)
    return Listed(name, DATASET, _of_2017(folder, skipped), skipped, None, lambda face: read(folder).get(face.id))


def _of_2017(folder: pathlib.Path, skipped: dict[str, str]) -> Iterator[Face]:
    """Lists in Manually_Annotated_file_lists/, whole photographs in Manually_Annotated_Images/."""
    images = find(folder, DATASET, "Manually_Annotated/Manually_Annotated_Images", "Manually_Annotated_Images")
    for part, where, row in _rows(folder, (*_SIDES, "expression")):
        id = row[_ID]
        fields = _fields(row["expression"], where, id, skipped)
        if fields:
            yield Face(id, images / id, fields, _split(part, id), _box(row, where))


def _rows(folder: pathlib.Path, columns: tuple[str, ...]) -> Iterator[tuple[str, str, dict[str, str]]]:
    """(part, file and line, row) of both lists of 2017."""
    for part in ("training", "validation"):
        at = "Manually_Annotated_file_lists"
        table = find(folder, DATASET, f"{at}/{part}.csv", f"Manually_Annotated/{at}/{part}.csv", f"{part}.csv")
        for line, row in tables.read_csv(table, (_ID, *columns), header=_HEADER):
            yield part, f"{table}, line {line}", row


def _landmarks_of_2017(folder: pathlib.Path) -> dict[str, np.ndarray]:
    """{id: landmarks in the whole photograph} for the rows with 68 points: x;y;x;y;..."""
    found: dict[str, np.ndarray] = {}
    for _, where, row in _rows(folder, (_LANDMARKS,)):
        try:
            points = _of_68(np.array(row[_LANDMARKS].split(";")))
        except ValueError as error:
            raise UserError(f"{where}: {_LANDMARKS} should be 68 points, x;y;x;y;... ({error})") from None
        if points is not None:
            found[row[_ID]] = points.astype(np.float32)
    return found


def _of_68(numbers: np.ndarray) -> np.ndarray | None:
    """x, y, x, y, ... of 68 points, numbers or texts -> landmarks [5, 2]; None if the number of points differs."""
    return framing.of_68(numbers.astype(np.float64).reshape(68, 2)) if numbers.size == 2 * 68 else None


def _of_2021(folder: pathlib.Path, skipped: dict[str, str]) -> Iterator[Face]:
    """The edition of cropped faces: one array per label, <number>_exp.npy, whose value may be a text.

    <number>_lnd.npy has 68 points in pixels of the crop (`_landmarks_of_2021`); _val and _aro are not read.
    """
    for part, sub in (("training", "train_set"), ("validation", "val_set")):
        images = images_in(find(folder, DATASET, f"{sub}/images")).values()
        for path in sorted(images, key=lambda path: (len(path.stem), path.stem)):
            label, id = _annotation(path, "exp"), f"{sub}/{path.name}"
            if not label.is_file():
                skipped[id] = f"no {label.name} in {label.parent}"
                continue
            fields = _fields(_value(label), str(label), id, skipped)
            if fields:
                yield Face(id, path, fields, _split(part, id))


def _annotation(image: pathlib.Path, what: str) -> pathlib.Path:
    return image.parents[1] / "annotations" / f"{image.stem}_{what}.npy"


def _value(path: pathlib.Path) -> str:
    try:
        return str(np.load(path, allow_pickle=False).reshape(-1)[0])
    except (OSError, ValueError, IndexError, EOFError) as error:
        raise UserError(f"{path}: no array of one expression ({error})") from error


def _landmarks_of_2021(face: Face) -> np.ndarray | None:
    path = _annotation(face.path, "lnd")
    if not path.is_file():
        return None
    try:
        return _of_68(np.load(path, allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path}: no array of 68 points, x, y, x, y, ... ({error})") from error


def _fields(code: str, where: str, id: str, skipped: dict[str, str]) -> Fields | None:
    """The fields for an expression's code; None, with the reason in `skipped`, if the code is no expression."""
    number = int(code) if code.isdecimal() else -1
    if number in _NO_EXPRESSION:
        skipped[id] = f"its expression is '{_NO_EXPRESSION[number]}'"
        return None
    if number not in range(len(EXPRESSIONS)):
        raise UserError(f"{where}: expression '{code}' should be a whole number from 0 to 10")
    return {"attributes": {"expression": EXPRESSIONS[number]}, "captions": []}


def _box(row: dict[str, str], where: str) -> Box:
    try:
        x, y, width, height = (float(row[side]) for side in _SIDES)
    except ValueError:
        raise UserError(f"{where}: {', '.join(_SIDES)} should be the face's box, in pixels") from None
    return widened((x, y, x + width, y + height), _MARGIN)


def _split(part: str, id: str) -> Split:
    return "test" if part == "validation" else validation_by_hash(os.path.basename(id))


DATASET = Dataset(
    kind="affectnet",
    title="AffectNet",
    folder="AffectNet",
    open=_open,
    schema=SCHEMA,
    prompts=("expression : happy", "expression : angry", "expression : surprised"),
    size="291,651 faces (2021), 440,000 and more (2017)",
    licence="research only, signed by the institution",
    citation=(
        "A. Mollahosseini, B. Hasani, M. H. Mahoor: AffectNet: A Database for Facial Expression, Valence, and Arousal"
        " Computing in the Wild, IEEE Transactions on Affective Computing, 2019"
    ),
    obtain=(
        "Ask for it at http://mohammadmahoor.com/affectnet/. The folder holds either train_set/ and val_set/ with"
        " images/ and annotations/ (2021), or Manually_Annotated/Manually_Annotated_Images/ and"
        " Manually_Annotated_file_lists/ with training.csv and validation.csv (2017)."
    ),
    split_rule=(
        "the published validation set is the test (the real one is unpublished); of training, one face in twenty is"
        " validation, by a hash of its file's name"
    ),
    landmarks=True,
)
