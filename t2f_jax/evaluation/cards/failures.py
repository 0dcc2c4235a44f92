"""The worst errors of a model, picked from the rows of a part (`evaluation.rows`) for a gallery.

Rows are read one at a time, so memory does not grow with their number.
"""

import dataclasses
import heapq
import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from t2f_jax.tokens import ranges

Row = Mapping[str, Any]
COUNT = 8  # failures of a kind
OF_ONE_ATTRIBUTE = 2  # wrong answers of one attribute at most, so that other attributes are shown, too


@dataclasses.dataclass(frozen=True)
class Pick:
    """A failure: its row, how bad it is, what the model answered, and what is correct."""

    row: int
    badness: float
    said: str
    truth: str


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of failure: its title, a sentence about it, and the failures of a row."""

    title: str
    note: str
    of_row: Callable[[int, Row], Iterable[Pick]]
    by: Callable[[Pick], str] = lambda _: ""  # at most `OF_ONE_ATTRIBUTE` picks with the same name are kept


def pick(rows: Iterable[Row], kinds: Iterable[Kind], count: int = COUNT) -> list[tuple[Kind, list[Pick]]]:
    """The worst failures of each kind, worst first, each row at most once; kinds without failures are left out."""
    kinds, order = list(kinds), itertools.count()
    heaps: list[dict[str, list[tuple[float, int, Pick]]]] = [{} for _ in kinds]
    for i, row in enumerate(rows):
        for kind, heap in zip(kinds, heaps):
            for one in kind.of_row(i, row):
                name = kind.by(one)
                kept = heap.setdefault(name, [])
                heapq.heappush(kept, (one.badness, -next(order), one))
                if len(kept) > (OF_ONE_ATTRIBUTE if name else count):
                    heapq.heappop(kept)
    found = [(kind, _worst(heap, count)) for kind, heap in zip(kinds, heaps)]
    return [(kind, picks) for kind, picks in found if picks]


def _worst(heap: Mapping[str, list[tuple[float, int, Pick]]], count: int) -> list[Pick]:
    ordered = [one for *_, one in sorted(itertools.chain(*heap.values()), reverse=True)]
    of_rows: dict[int, Pick] = {}
    for one in ordered:
        of_rows.setdefault(one.row, one)
    return list(of_rows.values())[:count]


def _wrong_choices(i: int, row: Row) -> Iterable[Pick]:
    for name, answer in row["answers"].items():
        label = row["labels"].get(name)
        if "probability" in answer and label is not None and answer["value"] != label:
            sure = answer["probability"]
            yield Pick(i, sure, f"{name}: {answer['value']}, {sure:.0%} sure", f"{name}: {label}")


def _far_numbers(i: int, row: Row) -> Iterable[Pick]:
    for name, answer in row["answers"].items():
        label = row["labels"].get(name)
        if "low" in answer and label is not None and (off := ranges.distance(label, int(answer["value"]))):
            said = f"{name}: {answer['value']} ({answer['low']}–{answer['high']})"
            yield Pick(i, off, said, f"{name}: {label}")


def _wrong_captions(i: int, row: Row) -> Iterable[Pick]:
    right, said = row["scores"].get("captions/fact_precision") or (0, 0)
    if said > right:
        known = ", ".join(f"{name}: {value}" for name, value in row["labels"].items() if value != "no")
        yield Pick(i, said - right, row["caption"], known)


def _lost_images(i: int, row: Row) -> Iterable[Pick]:
    if (psnr := row["scores"].get("reconstruction/psnr")) is not None:
        yield Pick(i, -psnr, f"{psnr:.1f} dB", "")


def _missed_requests(i: int, row: Row) -> Iterable[Pick]:
    asked, judged = row["asked"], row["judged"]
    missed = {
        name: judged[name]
        for name, value in asked.items()
        if isinstance(value, str) and name in judged and judged[name] != value
    }
    if missed:
        seen = ", ".join(f"{name}: {value}" for name, value in missed.items())
        yield Pick(i, len(missed), f"judged {seen}", row["text"])


FACES = (
    Kind(
        "Confident and wrong",
        f"The most confident answers that contradict their label, at most {OF_ONE_ATTRIBUTE} per attribute. The label"
        " may be wrong.",
        _wrong_choices,
        lambda one: one.truth.partition(":")[0],
    ),
    Kind("Numbers farthest from their label", "In brackets the central 80% interval of the answer.", _far_numbers),
    Kind(
        "Captions that contradict the labels",
        "Sorted by the number of facts that contradict the labels.",
        _wrong_captions,
    ),
    Kind("Worst reconstructions", "Originals, sorted by the PSNR of their reconstruction.", _lost_images),
)
REQUESTS = (
    Kind(
        "Requested and not seen",
        "Sorted by the number of requested attributes that the judge does not see.",
        _missed_requests,
    ),
)
