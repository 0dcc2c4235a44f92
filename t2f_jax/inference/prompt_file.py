"""`t2f generate --prompts FILE`: faces for every line of a file, batched, on all devices, resumable.

    DIR/000012-000003.png   the face of line 12 with seed 3
    DIR/manifest.jsonl      one line for each PNG: file, line, prompt, seed, options, model

A face counts as made when its PNG (written whole) and its line in the manifest are there. A rerun makes the others.
"""

import dataclasses
import json
import pathlib
from collections.abc import Sequence
from typing import Any

from t2f_jax.errors import UserError, nearest
from t2f_jax.inference.model import Model
from t2f_jax.inference.sampler import Sampler
from t2f_jax.io import images
from t2f_jax.io.files import write_text
from t2f_jax.io.locks import held
from t2f_jax.io.progress import Progress
from t2f_jax.tokens.prompts import Prompt

MANIFEST = "manifest.jsonl"
BATCH = 64  # faces drawn at once on each device
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
class Job:
    """One face to make."""

    line: int
    prompt: Prompt
    seed: int

    @property
    def file(self) -> str:
        """Name of its PNG."""
        return f"{self.line:06d}-{self.seed:06d}.png"


def read(path: pathlib.Path, n: int, seed: int) -> list[Line]:
    """The lines of a prompts file: a description each, or a JSON object with some of `KEYS`; blank ones are left out.

    Args:
      n, seed: of lines that name none.

    Raises:
      UserError: no such file, none but blank lines, or a bad line (its number is named).
    """
    try:
        rows = path.read_text(encoding="utf-8-sig").splitlines()  # some editors begin with a mark
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: no readable file of prompts ({error})") from error
    lines = [_line(path, number, row.strip(), n, seed) for number, row in enumerate(rows, 1) if row.strip()]
    if not lines:
        raise UserError(f"{path}: no prompt in it; write one description, or one JSON object, a line")
    return lines


def _line(path: pathlib.Path, number: int, row: str, n: int, seed: int) -> Line:
    where = f"{path}, line {number}"
    if not row.startswith("{"):
        return Line(number, n, seed, row)
    try:
        values = json.loads(row)
    except ValueError as error:
        raise UserError(f"{where}: broken JSON ({error})") from error
    for key, value in values.items():
        if key not in KEYS:
            near = nearest(key, KEYS, 0.6)
            hint = f"the nearest is '{near}'" if near else f"there are {', '.join(KEYS)}"
            raise UserError(f"{where}: unknown key '{key}'; {hint}")
        if not isinstance(value, KEYS[key]) or isinstance(value, bool):
            raise UserError(f"{where}: {key} must be of type {KEYS[key].__name__}, got {value!r}")
    line = Line(number, **{"n": n, "seed": seed, **values})
    if line.n < 1 or not 0 <= line.seed <= 2**32 - line.n:
        raise UserError(f"{where}: n={line.n} must be 1 or more, seed={line.seed} and those after it 0 to {2**32 - 1}")
    return line


def jobs(path: pathlib.Path, lines: Sequence[Line], model: Model) -> list[Job]:
    """Every face of the lines. Raises UserError, naming the line, for what the model does not know."""
    found = []
    for line in lines:
        try:
            prompt = model.prompt(line.text, line.attributes, line.avoid)
            model.requests([prompt], [line.seed], 1.0)
        except UserError as error:
            raise UserError(f"{path}, line {line.number}: {error}") from error
        if not prompt.says_something:
            raise UserError(f"{path}, line {line.number}: nothing says what face to draw; give text or attributes")
        found += [Job(line.number, prompt, line.seed + i) for i in range(line.n)]
    return found


def make(model: Model, asked: Sequence[Job], sampler: Sampler, out: pathlib.Path) -> None:
    """Makes those of the faces that are not in `out` yet, and leaves the manifest in the order of the jobs.

    Raises:
      UserError: `out` holds faces of the same names made with other words, options or another model, or another
        process is making faces there.
    """
    with held(out):
        _make(model, asked, sampler, out)


def _make(model: Model, asked: Sequence[Job], sampler: Sampler, out: pathlib.Path) -> None:
    for unfinished in out.glob(".*.png.*.partial"):  # of a process that was killed while it wrote
        unfinished.unlink()
    rows = {job.file: _row(job, sampler, model.hash) for job in asked}
    known = _known(out)
    for name, row in rows.items():
        if name in known and known[name] != row:
            wrong = next(k for k in row if known[name].get(k) != row[k])
            raise UserError(
                f"{out / name}: is there with other {wrong}: {known[name].get(wrong)!r}; give another --out"
            )
    missing = [job for job in asked if job.file not in known]
    size = BATCH * model.engine.mesh.size
    with (
        Progress("generate", len(asked), start=len(asked) - len(missing), unit="face") as bar,
        (out / MANIFEST).open("a", encoding="utf-8") as manifest,
    ):
        done = len(asked) - len(missing)
        for part in _batches(model, missing, sampler, size):
            prompts, seeds = [job.prompt for job in part], [job.seed for job in part]
            codes = model.generate_codes(prompts, seeds, sampler, batch_size=size)
            for job, face in zip(part, model.finished(codes, prompts, seeds, sampler)):
                images.save_png(out / job.file, face, face.info)
                manifest.write(json.dumps(rows[job.file], ensure_ascii=False) + "\n")
            manifest.flush()
            done += len(part)
            bar.update(done)
    others = [row for name, row in known.items() if name not in rows]
    table = [json.dumps(row, ensure_ascii=False) for row in [*rows.values(), *others]]
    write_text(out / MANIFEST, "\n".join(table) + "\n")
    print(f"{len(missing)} faces made, {len(asked) - len(missing)} were there; {out / MANIFEST} lists all")


def _row(job: Job, sampler: Sampler, model: str) -> dict[str, Any]:
    options = dataclasses.asdict(sampler)
    told = {"file": job.file, "line": job.line, "prompt": str(job.prompt), "seed": job.seed}
    return {**told, "options": options, "model": model}


def _known(out: pathlib.Path) -> dict[str, dict[str, Any]]:
    """The manifest's rows whose PNG is there, by file; a line that a kill cut short is left out."""
    found: dict[str, dict[str, Any]] = {}
    path = out / MANIFEST
    for line in path.read_bytes().split(b"\n") if path.is_file() else []:
        try:
            row = json.loads(line)
            if (out / pathlib.Path(row["file"]).name).is_file():
                found[row["file"]] = row
        except (ValueError, TypeError, KeyError):
            continue
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found.values()))
    return found


def _batches(model: Model, missing: Sequence[Job], sampler: Sampler, size: int) -> list[list[Job]]:
    """Jobs whose requests share a compiled program, `size` at a time."""
    groups: dict[Any, list[Job]] = {}
    for job in missing:
        (request,) = model.requests([job.prompt], [job.seed], sampler.guidance)
        groups.setdefault((request.bucket, len(request.prefixes)), []).append(job)
    return [group[i : i + size] for group in groups.values() for i in range(0, len(group), size)]
