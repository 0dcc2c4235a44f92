"""Which face stands in row g of training, as a closed form: no counters, so that a run resumes from its step alone."""

import functools
from collections.abc import Sequence

import numpy as np

BLOCK = 1024  # rows in which every source has exactly its share


class Mixture:
    """Sources drawn by weight; inside a source every record comes once per epoch, in an order of its own each time.

    Rows come in blocks of `BLOCK`. A block holds a fixed number of rows of each source, in a shuffled order, so the
    number of earlier rows of a source is known for every row. Weights are therefore kept to 1/1024.

    Args:
      sizes: number of records of each source.
      weights: share of each source, of any sum.
      seed: of both shuffles.
    """

    def __init__(self, sizes: Sequence[int], weights: Sequence[float], seed: int):
        if min(weights, default=0.0) <= 0 or min(sizes, default=0) <= 0:
            raise ValueError(f"every source of a mixture needs records and a weight above 0, got {sizes} and {weights}")
        self.sizes, self.seed = tuple(sizes), seed
        self.quotas = _quotas(tuple(weights))

    def locate(self, row: int) -> tuple[int, int]:
        """Global row number -> (source, record)."""
        block, place = divmod(row, BLOCK)
        source, rank = _block(self.quotas, self.seed, block)
        s = int(source[place])
        epoch, place = divmod(block * self.quotas[s] + int(rank[place]), self.sizes[s])
        return s, int(_order(self.sizes[s], self.seed, s, epoch)[place])


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
    """-> source of each row of a block, and how many earlier rows of the block are of the same source; int [BLOCK]."""
    source = np.repeat(np.arange(len(quotas)), quotas)
    source = np.random.default_rng((seed, 0, block)).permutation(source)
    rank = np.empty(BLOCK, np.int64)
    for s, quota in enumerate(quotas):
        rank[source == s] = np.arange(quota)
    return source, rank


@functools.lru_cache(maxsize=32)
def _order(size: int, seed: int, source: int, epoch: int) -> np.ndarray:
    """Order in which one epoch visits a source's records, int32 [size]."""
    return np.random.default_rng((seed, 1 + source, epoch)).permutation(np.arange(size, dtype=np.int32))


def held_out(sizes: Sequence[int], weights: Sequence[float], rows: int) -> list[tuple[int, int]]:
    """A fixed choice of at most `rows` records, none twice: each source's share of them, spread over it, interleaved.

    A source with fewer records than its share gives all it has.
    """
    chosen = []
    for s, (size, weight) in enumerate(zip(sizes, weights)):
        count = min(size, max(1, round(rows * weight / sum(weights))))
        chosen += [((k + 0.5) / count, s, k * size // count) for k in range(count)]
    return [(s, record) for _, s, record in sorted(chosen)][:rows]
