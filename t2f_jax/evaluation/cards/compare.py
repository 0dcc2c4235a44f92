"""Compares cards: figures with equal protocols, and how far they differ on the same examples."""

import dataclasses
import pathlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from t2f_jax.errors import UserError, nearest
from t2f_jax.evaluation import stats
from t2f_jax.evaluation.cards import protocol
from t2f_jax.evaluation.cards.record import Card, ReadPart
from t2f_jax.evaluation.figure import Figure
from t2f_jax.evaluation.interfaces import Advance, ignore
from t2f_jax.report.compare import Cell, Comparison, Row, Table

SURE = 0.05  # significance level: the largest p, adjusted for the table, at which a difference is reported


def compare(cards: Sequence[Card], varying: Collection[str] = (), advance: Advance = ignore) -> Comparison:
    """Compares the other cards with the first.

    Args:
      varying: fields of protocols that may differ, such as "sampler.guidance", because their effect is compared.
      advance: called with 1 for each pair of figures.

    Raises:
      UserError: fewer than two cards, nothing that may be compared, a field that no protocol has, broken rows.
    """
    if len(cards) < 2:
        raise UserError("a single card cannot be compared; give two or more")
    _check_fields(cards, varying)
    names = [part.name for part in cards[0].parts if any(card.part(part.name) for card in cards[1:])]
    tables = [_table(name, cards, varying, advance) for name in names]
    cells = [cell for table in tables for row in table.rows for cell in row.cells[1:]]
    if not any(cell.figure for cell in cells):
        raise UserError(_nothing(cards, [cell for cell in cells if cell.refused]))
    return Comparison(_names(cards), [card.identity for card in cards], tables)


def _check_fields(cards: Sequence[Card], varying: Collection[str]) -> None:
    known = {
        field
        for card in cards
        for part in card.parts
        for figure in part.figures.values()
        for field in protocol.fields_of(part.protocol, figure)
    }
    for name in varying:
        if not any(_covers(name, field) for field in known):
            close = nearest(name, known)
            raise UserError(
                f"--varying {name}: no protocol has this field" + (f"; did you mean {close}?" if close else "")
            )


def _covers(name: str, field: str) -> bool:
    """ "sampler" covers "sampler.guidance"."""
    return field == name or field.startswith(f"{name}.")


def _nothing(cards: Sequence[Card], refused: Sequence[Cell]) -> str:
    if refused:
        first = refused[0]
        differ = f"these differ ({_names(cards)[0]} | the other): {first.refused}"
        return f"figures of other protocols are not compared; {differ}" + (f"; {first.advice}" if first.advice else "")
    have = "; ".join(f"{name}: {', '.join(p.name for p in card.parts)}" for name, card in zip(_names(cards), cards))
    return f"the cards have no part in common ({have}); evaluate the models on the same data"


def _names(cards: Sequence[Card]) -> list[str]:
    """Names of the cards: as much of the path as is needed to distinguish them, see `_place`."""
    places = [_place(card) for card in cards]
    for length in range(1, max(map(len, places)) + 1):
        names = [str(pathlib.PurePath(*place[-length:])) for place in places]
        if len(set(names)) == len(names):
            return names
    return [f"{place[-1]} ({i})" for i, place in enumerate(places, 1)]  # one card given twice


def _place(card: Card) -> tuple[str, ...]:
    """The parts of the path of a card's folder. A sweep's run is named by its arm and seed, not by its hash, and
    another run's `evaluation` by the run."""
    parts = card.path.resolve().parent.parts
    if not card.title.startswith("t2f_jax") and parts[-3:-2] == ("runs",):
        return (*parts[:-3], card.title)
    return parts[:-1] if parts[-1] == "evaluation" and len(parts) > 2 else parts


@dataclasses.dataclass(frozen=True)
class _Side:
    """A card's part, or None, and the contribution of each example to its figures."""

    part: ReadPart | None
    statistics: Mapping[str, np.ndarray]


def _table(name: str, cards: Sequence[Card], varying: Collection[str], advance: Advance) -> Table:
    parts = [card.part(name) for card in cards]
    sides = [_Side(part, part.statistics(list(part.figures)) if part else {}) for part in parts]
    first = sides[0].part
    assert first is not None
    differing: dict[str, list[Any]] = {}
    rows: list[list[Cell]] = []
    for figure in first.figures.values():
        rows.append([Cell(figure.to_dict())])
        for side in sides[1:]:
            rows[-1].append(_cell(figure, sides[0], side, varying, differing))
            advance(1)
    told = zip(first.figures.values(), _with_verdicts(rows), strict=True)
    return Table(name, first.n, [Row(f.name, f.unit, f.better, row) for f, row in told], differing)


def _cell(
    figure: Figure, first: _Side, other: _Side, varying: Collection[str], differing: dict[str, list[Any]]
) -> Cell:
    """Another card's figure beside the first card's; the fields of `varying` that differ go into `differing`."""
    assert first.part is not None
    beside = other.part.figures.get(figure.name) if other.part else None
    if other.part is None or beside is None:
        return Cell(None)
    fields = protocol.fields_of(first.part.protocol, figure), protocol.fields_of(other.part.protocol, beside)
    unlike = protocol.differences(*fields)
    wished = {field: unlike[field] for field in unlike if any(_covers(name, field) for name in varying)}
    if refused := {field: values for field, values in unlike.items() if field not in wished}:
        return Cell(None, protocol.tell(refused), protocol.advise(refused, fields[0]))
    for field, (ours, theirs) in wished.items():
        values = differing.setdefault(field, [ours])
        values += [theirs] if theirs not in values else []
    found = _difference(beside, first.statistics.get(figure.name), other.statistics.get(figure.name))
    if found is None:
        return Cell(beside.to_dict(), difference=beside.value - figure.value)
    return Cell(beside.to_dict(), difference=found.value, interval=found.interval, p=found.p)


def _difference(figure: Figure, first: np.ndarray | None, other: np.ndarray | None) -> stats.Difference | None:
    """None for a figure that is not a sum over examples, such as FID, which resampling would bias."""
    if first is None or other is None or first.shape != other.shape:
        return None
    try:
        return stats.paired_difference(first, other, figure.combine)
    except ValueError:  # it is not defined for one of them
        return None


def _with_verdicts(rows: Sequence[Sequence[Cell]]) -> list[list[Cell]]:
    """p adjusted for all differences of a table, and the verdicts."""
    places = [(r, c) for r, row in enumerate(rows) for c, cell in enumerate(row) if cell.p is not None]
    adjusted = dict(zip(places, stats.holm([rows[r][c].p or 0.0 for r, c in places])))
    return [
        [_judge(cell, adjusted[r, c]) if (r, c) in adjusted else cell for c, cell in enumerate(row)]
        for r, row in enumerate(rows)
    ]


def _judge(cell: Cell, p: float) -> Cell:
    assert cell.figure is not None and cell.difference is not None
    better = cell.figure["better"]
    if p > SURE:
        verdict = "no difference shown"
    elif better:
        verdict = "better" if (cell.difference > 0) == (better == "higher") else "worse"
    else:
        verdict = "higher" if cell.difference > 0 else "lower"
    return dataclasses.replace(cell, p=p, verdict=verdict)
