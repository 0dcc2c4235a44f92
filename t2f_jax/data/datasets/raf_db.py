"""RAF-DB (basic): faces from the web with one of seven expressions, gender, ethnicity and one of five ranges of age."""

import pathlib
from collections.abc import Iterator

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data import names
from t2f_jax.data.datasets.base import Dataset
from t2f_jax.data.datasets.listed import Face, Listed, find, images_in, validation_by_hash
from t2f_jax.errors import UserError
from t2f_jax.io.files import read_lines
from t2f_jax.tokens import ranges
from t2f_jax.tokens.attributes import Attribute

_AGES = (*(str(ranges.write(*ends)) for ends in ((0, 3), (4, 19), (20, 39), (40, 69))), str(ranges.write(70)))
SCHEMA = (names.EXPRESSION, names.GENDER, names.ETHNICITY, Attribute("age", (), 0, 99, _AGES))
_EXPRESSIONS = dict(enumerate(("surprised", "afraid", "disgusted", "happy", "sad", "angry", "neutral"), 1))
# The last three numbers of a face's attribute file, in order: {code: value}; codes that are not listed are unknown.
_CODES: tuple[tuple[str, dict[int, str]], ...] = (
    ("gender", {0: "male", 1: "female"}),  # 2: unsure
    ("ethnicity", {0: "white", 1: "black", 2: "asian"}),
    ("age", dict(enumerate(_AGES))),
)
_LISTS = ("EmoLabel/list_patition_label.txt", "EmoLabel/list_partition_label.txt")  # published with the first spelling


def _open(name: str, config: SourceConfig, seed: int) -> Listed:
    folder = pathlib.Path(config.folder)
    if (folder / "basic").is_dir():
        folder /= "basic"
    skipped: dict[str, str] = {}
    return Listed(name, DATASET, _faces(folder, skipped), skipped)


def _faces(folder: pathlib.Path, skipped: dict[str, str]) -> Iterator[Face]:
    """The faces in the order of the list, in which file names lack their "_aligned"."""
    table = find(folder, DATASET, *_LISTS)
    images = images_in(find(folder, DATASET, "Image/aligned", "Image/original"))
    manual = folder / "Annotation/manual"
    for number, line in enumerate(read_lines(table, "list of expressions"), 1):
        cells = line.split()
        if not cells:
            continue
        code = int(cells[1]) if len(cells) == 2 and cells[1].isdecimal() else 0
        if code not in _EXPRESSIONS:
            raise UserError(f"{table}, line {number}: '{line.strip()}' should be a file name and a number from 1 to 7")
        id, stem = cells[0], pathlib.PurePath(cells[0]).stem
        path = images.get(f"{stem}_aligned") or images.get(stem)
        if path is None:
            skipped[id] = f"{table.name} names it, but it is not in {folder / 'Image'}"
            continue
        attributes = {"expression": _EXPRESSIONS[code]} | _attributes(manual / f"{stem}_manu_attri.txt")
        split = validation_by_hash(stem) if stem.startswith("train") else "test"
        yield Face(id, path, {"attributes": attributes, "captions": []}, split)


def _attributes(path: pathlib.Path) -> dict[str, str]:
    """Gender, ethnicity and age; the file has five lines of landmarks, then one number per line. Empty without file."""
    if not path.is_file():
        return {}
    lines = [line.strip() for line in read_lines(path, "file of attributes") if line.strip()]
    codes = lines[5:]
    if len(codes) != len(_CODES) or not all(code.isdecimal() for code in codes):
        raise UserError(f"{path}: five lines of landmarks and three whole numbers should stand here, a line each")
    values = {name: known.get(int(code)) for code, (name, known) in zip(codes, _CODES)}
    return {name: value for name, value in values.items() if value is not None}


DATASET = Dataset(
    kind="raf_db",
    title="RAF-DB",
    folder="RAF-DB",
    open=_open,
    schema=SCHEMA,
    prompts=("gender : female , expression : happy", "gender : male , expression : angry", "expression : surprised"),
    size="15,339 faces",
    licence="non-commercial research only, on a signed request",
    citation=(
        "S. Li, W. Deng, J. Du: Reliable Crowdsourcing and Deep Locality-Preserving Learning for Expression Recognition"
        " in the Wild, CVPR 2017"
    ),
    obtain=(
        "Ask for it at http://www.whdeld.cn/RAF.html and unpack the archives inside the archive, too. The folder holds"
        " basic/ with Image/aligned/, EmoLabel/list_patition_label.txt and, for gender, ethnicity and age,"
        " Annotation/manual/."
    ),
    split_rule=(
        "names that begin with train and test decide; of training, one face in twenty is validation, by a hash of its"
        " file's name"
    ),
)
