"""Packs several examples into one row, to reduce padding.

Attention stays inside an example: `documents` has the example of each place. Axis legend: R rows, L length of a row.

Rows are packed in groups of `GROUP`, each a pure function of its own examples: a batch depends neither on the batches
before it nor on the number of hosts.
"""

import heapq
from collections.abc import Sequence

from t2f_jax.tokens import sequence
from t2f_jax.tokens.sequence import Batch, Example

GROUP = 8  # rows packed together: the total length of their examples varies much less than a row's
SPARE = 4  # ids per row that a group leaves free, since examples do not fit exactly


def pack(
    examples: Sequence[Example], rows: int, length: int, loss_span: str = "suffix", image_position: int = 0
) -> Batch:
    """Examples -> arrays of `rows` rows, the same number of examples in each.

    If examples are too long together, they are shortened, the longest first: attributes lose questions (which are in
    random order), then captions and prompts lose their ends, as when they exceed a row of their own. An image is never
    cut.

    Args:
      examples: a multiple of `rows`.
      length: L.
      loss_span, image_position: see `sequence.assemble`.

    Returns:
      As `sequence.assemble` for R = `rows`, but task int32 [R,L], that of the example at each place; and documents
      int32 [R,L]: 1, 2, ... along a row, 0 at pads. Positions restart in every example.

    Raises:
      ValueError: examples that cannot be shortened enough.
    """
    each = len(examples) // rows
    batch = sequence.blank(rows, length, packed=True)
    for first in range(0, rows, GROUP):
        last = min(first + GROUP, rows)
        pack_group(batch, range(first, last), list(examples[first * each : last * each]), loss_span, image_position)
    return batch


def pack_group(
    batch: Batch, rows: range, examples: list[Example], loss_span: str = "suffix", image_position: int = 0
) -> None:
    """Packs the examples of at most `GROUP` rows into these rows of a blank batch; see `pack`."""
    length = batch["tokens"].shape[1]
    placed: list[tuple[int, int, Example]] = []
    fitted = _fitted(examples, len(rows) * (length - SPARE))
    for row, members in zip(rows, _dealt(fitted, len(rows), length)):
        at = row * length
        for number, example in enumerate(members, 1):
            placed.append((at, number, example))
            at += example.length
    sequence.write(batch, placed, loss_span, image_position)


def shorter(example: Example) -> Example | None:
    """The example without its least important part; None if nothing can be removed."""
    *others, branch = example.branches
    if others:
        return _changed(example, example.prefix, tuple(others))
    if example.task == sequence.TO_CAPTION and len(branch.answer) > 4:
        return _changed(example, example.prefix, (sequence.Branch(branch.given, branch.answer[:-4]),))
    if example.task == sequence.TO_IMAGE and len(example.prefix) > 8:
        return _changed(example, example.prefix[:-4], example.branches)
    return None


def _changed(example: Example, prefix: sequence.Ids, branches: tuple[sequence.Branch, ...]) -> Example:
    image_index = len(prefix) if example.task == sequence.TO_IMAGE else example.image_index
    return Example(prefix, branches, example.task, image_index, example.weight, example.coarse, example.gaps)


def _fitted(examples: list[Example], room: int) -> list[Example]:
    """Shortens the examples to at most `room` ids: first questions are removed, then the ends of the longest."""
    total = sum(e.length for e in examples)
    if total <= room:
        return examples
    examples, kept = list(examples), [len(e.branches) for e in examples]
    queue = [(kept[i] == 1, -e.length, i) for i, e in enumerate(examples)]
    heapq.heapify(queue)
    while total > room:
        if not queue:
            raise ValueError(f"{len(examples)} examples take {total} ids at least, but only {room} are there")
        _, negative, i = heapq.heappop(queue)
        if kept[i] > 1:  # its last question is removed; the example itself is changed on return
            kept[i] -= 1
            gone = examples[i].branches[kept[i]]
            length = -negative - len(gone.given) - len(gone.answer)
        elif less := shorter(_with_branches(examples[i], kept[i])):
            examples[i], length = less, less.length
        else:
            continue
        total -= -negative - length
        heapq.heappush(queue, (kept[i] == 1, -length, i))
    return [_with_branches(e, count) for e, count in zip(examples, kept)]


def _with_branches(example: Example, count: int) -> Example:
    """The example with its first `count` branches."""
    if count == len(example.branches):
        return example
    return _changed(example, example.prefix, example.branches[:count])


def _dealt(examples: list[Example], rows: int, length: int) -> list[list[Example]]:
    """Distributes the examples to `rows` rows of similar length: the longest first, each to the row with most room."""
    each = len(examples) // rows
    dealt: list[list[Example]] = [[] for _ in range(rows)]
    emptiest = [(0, row) for row in range(rows)]  # (ids in it, row) of the rows that are not full
    for negative, i in sorted((-example.length, i) for i, example in enumerate(examples)):
        used, row = emptiest[0]
        dealt[row].append(examples[i])
        if len(dealt[row]) < each:
            heapq.heapreplace(emptiest, (used - negative, row))
        else:
            heapq.heappop(emptiest)
    return [_fitted(members, length) for members in dealt]
