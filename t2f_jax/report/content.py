"""What a report holds, kept as JSON with the images as PNG files: the page can be written again without a model."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

from t2f_jax.errors import UserError
from t2f_jax.io.files import read_json, whole_folder, write_json

FOLDER = "results"  # inside the folder given to `save_results`
FORMAT = 1


@dataclasses.dataclass(frozen=True)
class Picture:
    """A figure or image grid: PNG bytes, what it shows, and a sentence about it."""

    image: bytes
    title: str
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Samples:
    """Faces drawn for one prompt, PNG bytes each, and the seed of each."""

    prompt: str
    images: list[bytes]
    seeds: list[int]


@dataclasses.dataclass(frozen=True)
class Caption:
    """A face, the caption written for it, and those it came with."""

    image: bytes
    generated: str
    given: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Analysis:
    """A face with `answers` of `evaluate.answers` and `truth`, its known attributes."""

    image: bytes
    answers: dict[str, dict[str, Any]]
    truth: dict[str, str | int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Source:
    """What was measured on one dataset; what is empty is not shown.

    Attributes:
      attributes, requests, reconstruction: results of the functions of `evaluate` of these names.
      judge_accuracy: share of held-out labels that the judge of generated faces gets right.
      reconstructions: the grid of originals above their reconstructions.
      plots: age scatter, calibration and such.
    """

    name: str
    note: str = ""
    attributes: dict[str, Any] | None = None
    requests: dict[str, Any] | None = None
    reconstruction: dict[str, Any] | None = None
    judge_accuracy: float | None = None
    captions: list[Caption] = dataclasses.field(default_factory=list)
    analyses: list[Analysis] = dataclasses.field(default_factory=list)
    plots: list[Picture] = dataclasses.field(default_factory=list)
    reconstructions: Picture | None = None


@dataclasses.dataclass(frozen=True)
class ReportContent:
    """A whole report; what is empty is not shown.

    Attributes:
      summary: a sentence or two under the title.
      sources: one section each.
      samples: faces for fixed prompts.
      curves: loss curves.
      run: short facts, shown as a table; keys `seconds` and those ending in `_bytes` are written in readable units.
      details: longer records (config, provenance, protocol), each folded under its name.
    """

    summary: str = ""
    sources: list[Source] = dataclasses.field(default_factory=list)
    samples: list[Samples] = dataclasses.field(default_factory=list)
    curves: list[Picture] = dataclasses.field(default_factory=list)
    run: dict[str, Any] = dataclasses.field(default_factory=dict)
    details: dict[str, Any] = dataclasses.field(default_factory=dict)


_KINDS = {kind.__name__: kind for kind in (Picture, Samples, Caption, Analysis, Source, ReportContent)}


def save_results(folder: pathlib.Path, title: str, content: ReportContent) -> pathlib.Path:
    """Writes `folder/results/` (results.json and its PNG files), whole or not at all; returns it."""
    target = folder / FOLDER
    with whole_folder(target) as partial:
        write_json(partial / "results.json", {"format": FORMAT, "title": title, "content": _pack(content, partial, ())})
    return target


def load_results(folder: pathlib.Path) -> tuple[str, ReportContent]:
    """Title and content that `save_results(folder, ...)` wrote. Raises UserError if they are missing or broken."""
    path = folder / FOLDER / "results.json"
    values = read_json(path, "the results of an evaluated run")
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise UserError(
            f"{path}: its format is not {FORMAT}, the one that this version reads; evaluate the model again"
        )
    try:
        content = _unpack(values["content"], path.parent)
    except FileNotFoundError as error:
        raise UserError(f"{error.filename}: an image of the results is missing; evaluate the model again") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: the results are broken ({error}); evaluate the model again") from error
    return values["title"], content


def _pack(value: Any, folder: pathlib.Path, where: tuple[str, ...]) -> Any:
    """Plain JSON of a value; images become files named after the place they stand at."""
    if isinstance(value, bytes):
        name = "-".join(where) + ".png"
        (folder / name).write_bytes(value)
        return {"png": name}
    if dataclasses.is_dataclass(value):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return {"kind": type(value).__name__, "fields": {k: _pack(v, folder, (*where, k)) for k, v in fields.items()}}
    if isinstance(value, Mapping):
        return {"map": {k: _pack(v, folder, (*where, k)) for k, v in value.items()}}
    if isinstance(value, (list, tuple)):
        return [_pack(v, folder, (*where, str(i))) for i, v in enumerate(value)]
    return value


def _unpack(value: Any, folder: pathlib.Path) -> Any:
    if isinstance(value, list):
        return [_unpack(v, folder) for v in value]
    if not isinstance(value, dict):
        return value
    if "png" in value:
        return (folder / pathlib.Path(value["png"]).name).read_bytes()
    if "map" in value:
        return {k: _unpack(v, folder) for k, v in value["map"].items()}
    return _KINDS[value["kind"]](**{k: _unpack(v, folder) for k, v in value["fields"].items()})
