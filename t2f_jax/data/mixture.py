"""The face of row g of training, in closed form: without counters, so a run can resume from only its step."""

import functools
from collections.abc import Sequence

import numpy as np

BLOCK = 1024  # rows in which every source has exactly its share


class Mixture:
    """Sources mixed by weight; in a source every record occurs once per epoch, each epoch in a new order.

    Rows form blocks of `BLOCK`. A block has a fixed number of rows of each source, in a shuffled order, so the number
    of earlier rows of a source is known for every row. Weights are therefore rounded to 1/1024.

    Args:
      sizes: number of records of each source.
      weights: share of each source; any sum.
      seed: of both shuffles.
    """

    def __init__(self, sizes: Sequence[int], weights: Sequence[float], seed: int):
        if min(weights, default=0.0) <= 0 or min(sizes, default=0) <= 0:
            raise ValueError(f"every source of a mixture needs records and a weight above 0, got {sizes} and {weights}")
        self.sizes, self.seed = tuple(sizes), seed
        self.quotas = _quotas(tuple(weights))
        self._orders: dict[int, tuple[int, np.ndarray]] = {}  # source -> the epoch used last, its order

    def locate(self, row: int) -> tuple[int, int]:
        """Global row number -> (source, record)."""
        return self.locate_all([row])[0]

    def locate_all(self, rows: Sequence[int]) -> list[tuple[int, int]]:
        """Global row numbers -> (source, record) of each."""
        block_N, place_N = np.divmod(np.array(rows, np.int64), BLOCK)
        source_N, rank_N = np.empty((2, len(block_N)), np.int64)
        for block in np.unique(block_N).tolist():
            here = block_N == block
            source_N[here], rank_N[here] = (of_row[place_N[here]] for of_row in _block(self.quotas, self.seed, block))
        earlier_N = block_N * np.array(self.quotas)[source_N] + rank_N  # earlier rows of the same source
        epoch_N, place_N = np.divmod(earlier_N, np.array(self.sizes)[source_N])
        record_N = np.empty_like(source_N)
        for s in np.unique(source_N).tolist():
            for epoch in np.unique(epoch_N[source_N == s]).tolist():
                here = (source_N == s) & (epoch_N == epoch)
                record_N[here] = self._order(s, epoch)[place_N[here]]
        return list(zip(source_N.tolist(), record_N.tolist()))

    def _order(self, source: int, epoch: int) -> np.ndarray:
        """Order of a source's records in an epoch, int32 [size]; one order per source is cached."""
        kept = self._orders.get(source)
        if kept is None or kept[0] != epoch:
            numbers = np.arange(self.sizes[source], dtype=np.int32)
            order = np.random.default_rng((self.seed, 1 + source, epoch)).permutation(numbers)
            self._orders[source] = kept = (epoch, order)
        return kept[1]


def _quotas(weights: tuple[float, ...]) -> tuple[int, ...]:
    """Rows of each source in a block, by largest remainder; a source with a weight has at least one."""
    exact = np.array(weights) / sum(weights) * BLOCK
    quotas = np.maximum(exact.astype(int), 1)
    while quotas.sum() != BLOCK:
        short = quotas.sum() < BLOCK
        off = exact - quotas
        quotas[off.argmax() if short else np.where(quotas > 1, off, np.inf).argmin()] += 1 if short else -1
    return tuple(int(q) for q in quotas)


@functools.lru_cache(maxsize=8)
def _block(quotas: tuple[int, ...], seed: int, block: int) -> tuple[np.ndarray, np.ndarray]:
    """-> source of each row of a block, and its number of earlier rows in the block from that source; int [BLOCK]."""
    source = np.repeat(np.arange(len(quotas)), quotas)
    source = np.random.default_rng((seed, 0, block)).permutation(source)
    rank = np.empty(BLOCK, np.int64)
    for s, quota in enumerate(quotas):
        rank[source == s] = np.arange(quota)
    return source, rank


def by_size(weights: Sequence[float], sizes: Sequence[int], temperature: float) -> list[float]:
    """Weights of sources at a temperature: weight * size ** (1 / temperature); at 0 only weight."""
    if not temperature:
        return list(weights)
    largest = max(sizes)
    return [weight * (size / largest) ** (1 / temperature) for weight, size in zip(weights, sizes)]


def held_out(sizes: Sequence[int], weights: Sequence[float], rows: int) -> list[tuple[int, int]]:
    """A fixed choice of at most `rows` distinct records: each source's share, spread over it, interleaved.

    A source with fewer records than its share gives all of them.
    """
    chosen = []
    for s, (size, weight) in enumerate(zip(sizes, weights)):
        count = min(size, max(1, round(rows * weight / sum(weights))))
        chosen += [((k + 0.5) / count, s, k * size // count) for k in range(count)]
    return [(s, record) for _, s, record in sorted(chosen)][:rows]
