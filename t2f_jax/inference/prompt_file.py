"""`t2f generate --prompts FILE`: faces for every line of a file, batched, on all devices, resumable.

    DIR/000012-000003.png   the face of line 12 with seed 3
    DIR/manifest.jsonl      one line for each PNG: file, line, prompt, seed, options, model

A face is finished if its complete PNG and its line in the manifest exist. A rerun makes the others.
The order of calls: `read_lines`, `plan_faces`, `make_faces`.
"""

import contextlib
import dataclasses
import json
import pathlib
from collections.abc import Sequence
from typing import Any, TypedDict

from t2f_jax.errors import UserError, nearest
from t2f_jax.inference.batching import group_rows
from t2f_jax.inference.face_folder import ADVICE, MANIFEST
from t2f_jax.inference.model import Model
from t2f_jax.inference.sampler import Sampler
from t2f_jax.io import files, images
from t2f_jax.io.files import json_line, parse_json, write_text
from t2f_jax.io.locks import held
from t2f_jax.io.progress import Progress
from t2f_jax.tokens.prompts import Prompt

BATCH = 64  # faces generated at once on each device
MOST_FACES = 1_000_000  # of a file; all are planned before the first is generated
KEYS = {"text": str, "attributes": dict, "avoid": dict, "n": int, "seed": int}


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of a prompts file."""

    number: int  # from 1
    n: int
    seed: int
    text: str = ""
    attributes: dict[str, Any] = dataclasses.field(default_factory=dict)
    avoid: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Face:
    """One face to make."""

    line: int
    prompt: Prompt
    seed: int

    @property
    def file(self) -> str:
        """Name of its PNG."""
        return f"{self.line:06d}-{self.seed:06d}.png"


class Entry(TypedDict):
    """A line of the manifest."""

    file: str
    line: int
    prompt: str
    seed: int
    options: dict[str, Any]  # the sampler's fields
    model: str  # hash


# ----- the prompts file -> lines -> faces -----


def read_lines(path: pathlib.Path, n: int, seed: int) -> list[Line]:
    """Reads the lines of a prompts file: each is a description (plain or a JSON string) or a JSON object with `KEYS`.

    Blank lines are left out; a JSON object may have only some of the keys.

    Args:
      n, seed: for lines that give none.

    Raises:
      UserError: no such file, only blank lines, one JSON array, a wrong line (the message has its number), or more than
        `MOST_FACES` faces.
    """
    rows = files.read_lines(path, "file of prompts")
    text = "\n".join(rows).strip()
    if text.startswith("["):
        with contextlib.suppress(ValueError):
            parse_json(text.encode("utf-8", "surrogatepass"))
            raise UserError(f"{path}: this is one JSON array; write one description, or one JSON object, a line")
    lines = [_parse(path, number, row.strip(), n, seed) for number, row in enumerate(rows, 1) if row.strip()]
    if not lines:
        raise UserError(f"{path}: no prompt in it; write one description, or one JSON object, a line")
    faces = sum(line.n for line in lines)
    if faces > MOST_FACES:
        raise UserError(f"{path}: it asks for {faces} faces, and one folder takes {MOST_FACES}; write several files")
    return lines


def _parse(path: pathlib.Path, number: int, row: str, n: int, seed: int) -> Line:
    where = f"{path}, line {number}"
    _check_text(where, row)
    if not row.startswith("{"):
        return Line(number, n, seed, _text(where, row))
    try:
        values = parse_json(row.encode())
    except ValueError as error:
        raise UserError(f"{where}: broken JSON ({error})") from error
    for key, value in values.items():
        if key not in KEYS:
            near = nearest(key, KEYS, 0.6)
            hint = f"the nearest is '{near}'" if near else f"there are {', '.join(KEYS)}"
            raise UserError(f"{where}: unknown key '{key}'; {hint}")
        if not isinstance(value, KEYS[key]) or isinstance(value, bool):
            raise UserError(f"{where}: {key} must be of type {KEYS[key].__name__}, got {value!r}")
    _check_text(where, json.dumps(values, ensure_ascii=False))
    line = Line(number, **{"n": n, "seed": seed, **values})
    if line.n < 1 or not 0 <= line.seed <= 2**32 - line.n:
        raise UserError(f"{where}: n={line.n} must be 1 or more, seed={line.seed} and those after it 0 to {2**32 - 1}")
    return line


def _text(where: str, row: str) -> str:
    """The description in a row, plain or as a JSON string. Raises UserError for a JSON array."""
    with contextlib.suppress(ValueError):
        value = parse_json(row.encode())
        if isinstance(value, list):
            raise UserError(f"{where}: a JSON array; write one description, or one JSON object, a line")
        if isinstance(value, str):
            _check_text(where, value)
            return value
    return row


def _check_text(where: str, text: str) -> None:
    """Raises UserError for bytes that are not UTF-8, and for half a pair of \\u escapes."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UserError(f"{where}: {error.object[error.start]!a} is no UTF-8 text; save the file as UTF-8") from None


def plan_faces(path: pathlib.Path, lines: Sequence[Line], model: Model) -> list[Face]:
    """Lists the faces of all lines. Raises UserError, naming the line, for attributes that the model does not know."""
    faces = []
    for line in lines:
        try:
            prompt = model.prompt(line.text, line.attributes, line.avoid)
            model.requests([prompt], [line.seed])
        except UserError as error:
            raise UserError(f"{path}, line {line.number}: {error}") from error
        if not prompt.says_something:
            raise UserError(f"{path}, line {line.number}: the prompt is empty; give text or attributes")
        faces += [Face(line.number, prompt, line.seed + i) for i in range(line.n)]
    return faces


# ----- faces -> PNGs and the manifest -----


def make_faces(model: Model, faces: Sequence[Face], sampler: Sampler, out: pathlib.Path) -> int:
    """Makes the faces that are not in `out` yet, and writes the manifest in the order of the faces.

    Returns:
      The number of faces made.

    Raises:
      UserError: `out` holds other faces, or faces of the same names made from other prompts, options or another model,
        or another process is making faces there.
    """
    with held(out):
        for unfinished in out.glob(".*.png.*.partial"):  # of a process that was killed while it wrote
            unfinished.unlink()
        entries = {face.file: _entry(face, sampler, model.hash) for face in faces}
        made = _repair_manifest(out)
        _check_same(out, entries, made)
        missing = [face for face in faces if face.file not in made]
        _make_missing(model, missing, sampler, out, len(faces))
        write_text(out / MANIFEST, "".join(map(json_line, entries.values())))
    return len(missing)


def _make_missing(model: Model, missing: Sequence[Face], sampler: Sampler, out: pathlib.Path, total: int) -> None:
    """Generates faces in batches; writes each batch's PNGs and manifest lines before the next one begins."""
    size = BATCH * model.engine.mesh.size
    with (
        Progress("generate", total, start=total - len(missing), unit="face") as bar,
        (out / MANIFEST).open("a", encoding="utf-8", errors="backslashreplace") as manifest,
    ):
        for batch in _batches(model, missing, sampler, size):
            prompts, seeds = [face.prompt for face in batch], [face.seed for face in batch]
            codes = model.generate_codes(prompts, seeds, sampler, batch_size=size)
            for face, image in zip(batch, model.make_images(codes, prompts, seeds, sampler)):
                images.save_png(out / face.file, image, image.info)
                manifest.write(json_line(_entry(face, sampler, model.hash)))
            manifest.flush()
            bar.advance(len(batch))


def _batches(model: Model, faces: Sequence[Face], sampler: Sampler, size: int) -> list[list[Face]]:
    """Batches of at most `size` faces whose rows share a compiled program."""

    def key(face: Face) -> tuple[int, int]:
        (request,) = model.requests([face.prompt], [face.seed], sampler)
        return request.bucket, len(request.prefixes)

    keys = [key(face) for face in faces]
    return [[faces[row] for row in rows] for _, rows in group_rows(keys, size)]


def _entry(face: Face, sampler: Sampler, model: str) -> Entry:
    return {
        "file": face.file,
        "line": face.line,
        "prompt": str(face.prompt),
        "seed": face.seed,
        "options": sampler.to_dict(),
        "model": model,
    }


def _check_same(out: pathlib.Path, entries: dict[str, Entry], made: dict[str, Entry]) -> None:
    """Raises UserError if a face of the same name was made differently, or a face exists that is not requested."""
    for file in made:
        if file not in entries:
            raise UserError(f"{out / file}: no line asks for this face; {ADVICE}")
    for file, entry in entries.items():
        if file in made and made[file] != entry:
            keys = [*entry, *made[file]]
            key = next(k for k in keys if made[file].get(k) != entry.get(k))
            raise UserError(f"{out / file}: exists with other {key}: {made[file].get(key)!r}; {ADVICE}")


def _repair_manifest(out: pathlib.Path) -> dict[str, Entry]:
    """The manifest's entries whose PNG exists, by file; rewrites the manifest with only these.

    A line that a kill cut short is left out.
    """
    entries: dict[str, Entry] = {}
    path = out / MANIFEST
    for line in path.read_bytes().split(b"\n") if path.is_file() else []:
        try:
            entry = parse_json(line)
            if (out / pathlib.Path(entry["file"]).name).is_file():
                entries[entry["file"]] = entry
        except (ValueError, TypeError, KeyError):
            continue
    write_text(path, "".join(map(json_line, entries.values())))
    return entries
