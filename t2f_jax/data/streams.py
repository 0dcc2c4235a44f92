"""Thousands of random generators at once, the same as `numpy.random.default_rng((seed, number))` makes.

numpy takes 13 microseconds to make one, nearly all of it for the hash of seed and number. Here the hash is computed for
many numbers together, in the steps of numpy's `SeedSequence` (O'Neill's seed_seq_fe); the streams are the same.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.random.bit_generator import ISeedSequence

_POOL = 4  # 32-bit words of the pool in which the entropy is mixed
_INIT_A, _MULT_A = 0x43B0D7E5, 0x931E8875
_INIT_B, _MULT_B = 0x8B51F9DD, 0x58F38DED
_MIX_L, _MIX_R = np.uint32(0xCA01F9DD), np.uint32(0x4973F715)
_SHIFT = np.uint32(16)


class _Words(ISeedSequence):
    """The precomputed words that seed one generator."""

    def __init__(self, words: np.ndarray):
        self._words = words

    def generate_state(self, n_words: int, dtype: object = np.uint32) -> np.ndarray:
        return self._words


def generators(seed: int, numbers: Sequence[int]) -> Iterator[np.random.Generator]:
    """`numpy.random.default_rng((seed, number))` for each number.

    Args:
      seed: 0..2**32 - 1.
      numbers: each 0..2**64 - 1.
    """
    for words in _states(seed, np.array(numbers, np.uint64)):
        yield np.random.Generator(np.random.PCG64(_Words(words)))  # pyright: ignore[reportArgumentType]


def _states(seed: int, number_N: np.ndarray) -> np.ndarray:
    """The results of `SeedSequence((seed, number)).generate_state(4, numpy.uint64)` for N numbers, uint64 [N, 4]."""
    zeros = np.zeros(len(number_N), np.uint32)
    entropy = [
        zeros + np.uint32(seed),
        number_N.astype(np.uint32),
        (number_N >> np.uint64(32)).astype(np.uint32),
        zeros,
    ]
    hashed = _Hash(_INIT_A, _MULT_A)
    pool = [hashed(word) for word in entropy]
    for source in range(_POOL):
        for target in range(_POOL):
            if source != target:
                mixed = _MIX_L * pool[target] - _MIX_R * hashed(pool[source])
                pool[target] = mixed ^ (mixed >> _SHIFT)
    hashed = _Hash(_INIT_B, _MULT_B)
    words_Nx8 = np.stack([hashed(pool[k % _POOL]) for k in range(8)], axis=1)
    return words_Nx8[:, 0::2].astype(np.uint64) | words_Nx8[:, 1::2].astype(np.uint64) << np.uint64(32)


class _Hash:
    """Hashes arrays of words, each time with the next constant."""

    def __init__(self, start: int, factor: int):
        self._constant, self._factor = start, factor

    def __call__(self, words: np.ndarray) -> np.ndarray:
        words = words ^ np.uint32(self._constant)
        self._constant = self._constant * self._factor % 2**32
        words = words * np.uint32(self._constant)
        return words ^ (words >> _SHIFT)
