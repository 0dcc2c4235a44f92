"""The content of a report, stored as JSON and PNG files, so the page can be written again without a model."""

import dataclasses
import pathlib
import types
import typing
from collections.abc import Mapping
from typing import Any

from t2f_jax.errors import UserError
from t2f_jax.io.files import defined, read_json, whole_folder, write_json

FOLDER = "results"  # inside the folder given to `save_results`
FORMAT = 2  # of results.json


@dataclasses.dataclass(frozen=True)
class Picture:
    """A figure or image grid: PNG bytes, what it shows, and a sentence about it."""

    image: bytes
    title: str
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Samples:
    """Faces generated for one prompt, PNG bytes each, and the seed of each."""

    prompt: str
    images: list[bytes]
    seeds: list[int]


@dataclasses.dataclass(frozen=True)
class Caption:
    """A face, its generated caption, and its reference captions.

    Attributes:
      denied: parts of the caption that contradict the face's labels: start and end of each, in order.
    """

    image: bytes
    generated: str
    given: list[str] = dataclasses.field(default_factory=list)
    denied: list[list[int]] = dataclasses.field(default_factory=list)

    def pieces(self) -> list[tuple[str, bool]]:
        """The caption in pieces: each text, and whether it contradicts the labels."""
        pieces, end = [], 0
        for start, stop in self.denied:
            pieces += [(self.generated[end:start], False), (self.generated[start:stop], True)]
            end = stop
        return [piece for piece in [*pieces, (self.generated[end:], False)] if piece[0]]


@dataclasses.dataclass(frozen=True)
class Analysis:
    """A face, the model's answers about it (`inference.answers.answers`), and `truth`, its known attributes."""

    image: bytes
    answers: Mapping[str, Mapping[str, Any]]
    truth: Mapping[str, str | int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Failure:
    """A face that the model fails at: PNG bytes, its answer, and the true value ("" if not given)."""

    image: bytes
    said: str
    truth: str = ""


@dataclasses.dataclass(frozen=True)
class Gallery:
    """Failures of one kind, the worst first."""

    title: str
    note: str
    failures: list[Failure]


@dataclasses.dataclass(frozen=True)
class PartReport:
    """Every figure of one kind of examples of a source, and its protocol; empty fields are not shown.

    Attributes:
      examples: their kind, such as "faces"; `n` of them.
      protocol, protocol_id: what determines the figures, and a short id of it.
      figures: each with "name", "value", "n", "unit", "better", "protocol", "interval", "interval_over".
      slices: {figure: {attribute: [{"group", "n", "value", "interval"}]}}.
      confusions: {attribute: {"values", "counts"}}: `counts[i][j]` faces are `values[i]` and answered as `values[j]`.
      galleries: the model's failures.
    """

    examples: str
    n: int
    protocol: Mapping[str, Any]
    protocol_id: str
    figures: list[Mapping[str, Any]]
    slices: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    confusions: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    galleries: list[Gallery] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class SourceReport:
    """The measurements on one dataset; empty fields are not shown.

    Attributes:
      attributes, requests, reconstruction, caption_figures: figures, see the modules of `evaluation` that measure them.
      judge_accuracy: accuracy of the judge on held-out faces.
      reconstructions: the grid of originals above their reconstructions.
      plots: such as age scatter and calibration.
      parts: every figure with its protocol, by group of faces, and the model's failures.
    """

    name: str
    note: str = ""
    attributes: Mapping[str, Any] | None = None
    requests: Mapping[str, Any] | None = None
    reconstruction: Mapping[str, Any] | None = None
    caption_figures: Mapping[str, Any] | None = None
    judge_accuracy: float | None = None
    captions: list[Caption] = dataclasses.field(default_factory=list)
    analyses: list[Analysis] = dataclasses.field(default_factory=list)
    plots: list[Picture] = dataclasses.field(default_factory=list)
    reconstructions: Picture | None = None
    parts: list[PartReport] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class ReportContent:
    """A whole report; empty fields are not shown.

    Attributes:
      summary: a sentence or two under the title.
      sources: one section each.
      samples: faces for fixed prompts.
      curves: loss curves.
      run: short facts, shown as a table; keys `seconds` and those ending in `_bytes` are written in readable units.
      details: longer records (config, provenance, protocol), each folded under its name.
    """

    summary: str = ""
    sources: list[SourceReport] = dataclasses.field(default_factory=list)
    samples: list[Samples] = dataclasses.field(default_factory=list)
    curves: list[Picture] = dataclasses.field(default_factory=list)
    run: dict[str, Any] = dataclasses.field(default_factory=dict)
    details: dict[str, Any] = dataclasses.field(default_factory=dict)


def save_results(folder: pathlib.Path, title: str, content: ReportContent) -> pathlib.Path:
    """Writes `folder/results/` (results.json and its PNG files), whole or not at all; returns it.

    results.json holds {"format", "title", "content"}. The content is plain JSON: a dataclass becomes an object of its
    fields, an image the name of its PNG file.
    """
    target = folder / FOLDER
    with whole_folder(target) as partial:
        values = {"format": FORMAT, "title": title, "content": defined(_to_json(content, partial, ()))}
        write_json(partial / "results.json", values)
    return target


def load_results(folder: pathlib.Path) -> tuple[str, ReportContent]:
    """Title and content that `save_results(folder, ...)` wrote, in this format or the one before.

    Raises:
      UserError: results.json or an image is missing, broken, or of a newer format.
    """
    path = folder / FOLDER / "results.json"
    values = read_json(path, "the results of an evaluated run")
    if not isinstance(values, dict) or values.get("format") not in (1, FORMAT):
        raise UserError(
            f"{path}: its format is neither {FORMAT} nor 1, those that this version reads; evaluate the model again"
        )
    try:
        content = _from_format_1(values["content"]) if values["format"] == 1 else values["content"]
        return values["title"], _from_json(ReportContent, content, path.parent)
    except FileNotFoundError as error:
        raise UserError(f"{error.filename}: an image of the results is missing; evaluate the model again") from None
    except (LookupError, TypeError, ValueError, AttributeError, OSError, RecursionError) as error:
        raise UserError(f"{path}: the results are broken ({error}); evaluate the model again") from error


def _to_json(value: Any, folder: pathlib.Path, place: tuple[str, ...]) -> Any:
    """Plain JSON of a value; images become files in `folder`, named after their `place` in the content."""
    if isinstance(value, bytes):
        name = "-".join(place) + ".png"
        (folder / name).write_bytes(value)
        return name
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
        return {name: _to_json(getattr(value, name), folder, (*place, name)) for name in names}
    if isinstance(value, list):
        return [_to_json(item, folder, (*place, str(i))) for i, item in enumerate(value)]
    return value


def _from_json(kind: Any, value: Any, folder: pathlib.Path) -> Any:
    """The inverse of `_to_json` for a value of type `kind`; only files inside `folder` are read."""
    if kind is bytes:
        return (folder / pathlib.Path(value).name).read_bytes()
    if dataclasses.is_dataclass(kind):
        kinds = typing.get_type_hints(kind)
        return typing.cast(type, kind)(**{name: _from_json(kinds[name], v, folder) for name, v in value.items()})
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is list:
        return [_from_json(arguments[0], item, folder) for item in value]
    if types.NoneType in arguments:  # X | None
        return None if value is None else _from_json(arguments[0], value, folder)
    return value


def _from_format_1(value: Any) -> Any:
    """Content of format 1 -> that of format 2.

    Format 1 marked objects: {"kind": class, "fields": {...}}, {"map": {...}}, {"png": file name}.
    """
    if isinstance(value, list):
        return [_from_format_1(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "png" in value:
        return value["png"]
    return {name: _from_format_1(v) for name, v in (value["map"] if "map" in value else value["fields"]).items()}
