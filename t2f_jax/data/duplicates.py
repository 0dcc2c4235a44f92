"""Duplicate pictures: recompressed, resized or mirrored copies, found by a perceptual hash.

A picture's hash has 256 bits: the signs of the 16 x 16 lowest frequencies (a cosine transform) of its brightness. JPEG
with quality 30 or half the size changes at most about 17 of them; two photographs of one person mostly differ in more
than 50. Mirroring changes the sign of only the odd horizontal frequencies.

N pictures, S side in pixels.
"""

import functools
from collections.abc import Iterable, Iterator

import numpy as np
import scipy.sparse.csgraph

NEAR = 24  # bits in which two copies of a picture may differ
_WAVES = 16  # in either direction
_BAND = 18  # bits of a band, which two hashes must share to be compared; 97.5% of pairs that differ in 20 bits do
_CHUNK = 1 << 20  # pairs compared at once
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def hashes(images_NxSxSx3: np.ndarray) -> np.ndarray:
    """uint8 [N, S, S, 3] -> uint64 [N, 4], 256 bits a picture."""
    waves = _waves(images_NxSxSx3.shape[1])
    gray_NxSxS = images_NxSxSx3.astype(np.float32) @ _LUMA
    bits = (waves @ gray_NxSxS @ waves.T > 0).reshape(-1, _WAVES * _WAVES)
    bits[:, 0] = False  # the mean, which is never negative
    return _pack(bits)


def hash_text(hash_4: np.ndarray) -> str:
    """A picture's hash as 64 hexadecimal digits."""
    return hash_4.astype(">u8").tobytes().hex()


def parse_hash(text: str) -> np.ndarray:
    """Inverse of `hash_text`. Raises ValueError if the text is no hash."""
    data = bytes.fromhex(text)
    if len(data) != 32:
        raise ValueError(f"{len(data)} bytes instead of 32")
    return np.frombuffer(data, ">u8").astype(np.uint64)


def mirrored(hashes_Nx4: np.ndarray) -> np.ndarray:
    """The hashes of the pictures' mirror images, uint64 [N, 4]."""
    odd = np.tile(np.arange(_WAVES) % 2 == 1, _WAVES)
    return hashes_Nx4 ^ _pack(odd[None])


def distances(a_Nx4: np.ndarray, b_Nx4: np.ndarray) -> np.ndarray:
    """Numbers of different bits of hashes, row by row (or by broadcasting), int."""
    return np.bitwise_count(a_Nx4 ^ b_Nx4).sum(-1, dtype=np.int64)


def groups(hashes_Nx4: np.ndarray, near: int = NEAR) -> list[np.ndarray]:
    """Groups of two or more copies, each an ascending array of numbers, ordered by their first number.

    Two pictures are copies if their hashes, or one's and that of the other's mirror image, differ in at most `near`
    bits; so are two copies of a third. Hashes are compared if they share the bits of one of 14 bands, so that millions
    take minutes; of pairs that differ in 12 bits one in 10,000 is missed, of those that differ in 24 bits one in 14.
    """
    if not len(hashes_Nx4):
        return []
    looks_Ux4, look_N = np.unique(hashes_Nx4, axis=0, return_inverse=True)
    pairs_Px2 = _near_pairs(looks_Ux4, near)
    size = len(looks_Ux4)
    graph = scipy.sparse.coo_array((np.ones(len(pairs_Px2), bool), pairs_Px2.T), (size, size))
    _, group_U = scipy.sparse.csgraph.connected_components(graph, directed=False)
    group_N = group_U[look_N.reshape(-1)]
    order = np.argsort(group_N, kind="stable")
    found = np.split(order, np.flatnonzero(np.diff(group_N[order])) + 1)
    return sorted((group for group in found if len(group) > 1), key=lambda group: int(group[0]))


def leave_out(found: Iterable[np.ndarray], rank_N: np.ndarray) -> np.ndarray:
    """The pictures to leave out, ascending numbers: those of the lowest rank in each group are kept."""
    gone = [group[rank_N[group] > rank_N[group].min()] for group in found]
    return np.sort(np.concatenate([np.zeros(0, np.int64), *gone]))


def _near_pairs(looks_Ux4: np.ndarray, near: int) -> np.ndarray:
    """int [P, 2]: pairs of different hashes that are near, also after mirroring one; a pair may occur twice."""
    size = len(looks_Ux4)
    both = np.concatenate([looks_Ux4, mirrored(looks_Ux4)])
    found = [np.zeros((0, 2), np.int64)]
    for keys in _bands(both):
        for i, j in _equal(keys):
            i, j = np.minimum(i, j), np.maximum(i, j)
            seen = i < size  # two mirror images are compared as their originals
            i, j = i[seen], j[seen]
            close = distances(both[i], both[j]) <= near
            found.append(np.stack([i[close], j[close] % size], axis=1))
    return np.concatenate(found)


@functools.lru_cache(maxsize=8)
def _waves(side: int) -> np.ndarray:
    """float32 [16, side]: the lowest frequencies of a cosine transform."""
    numbers, places = np.arange(_WAVES)[:, None], np.arange(side) + 0.5
    return np.cos(np.pi * numbers * places / side).astype(np.float32)


def _pack(bits_Nx256: np.ndarray) -> np.ndarray:
    return np.packbits(bits_Nx256, axis=1).view(">u8").astype(np.uint64)


def _bands(hashes_Nx4: np.ndarray) -> Iterator[np.ndarray]:
    """For each band, every hash's bits as a number, uint32 [N]; each band mixes low and high frequencies."""
    order = np.random.default_rng(0).permutation(np.arange(1, 256))
    for start in range(0, len(order) - _BAND + 1, _BAND):
        keys = np.zeros(len(hashes_Nx4), np.uint32)
        for bit in order[start : start + _BAND]:
            word, place = divmod(int(bit), 64)
            keys = keys << np.uint32(1) | (hashes_Nx4[:, word] >> np.uint64(63 - place) & np.uint64(1)).astype(
                np.uint32
            )
        yield keys


def _equal(keys_N: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of indices with equal keys, at most `_CHUNK` at once."""
    order = np.argsort(keys_N, kind="stable")
    keys = keys_N[order]
    starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
    ends = np.repeat(np.r_[starts[1:], len(keys)], np.diff(np.r_[starts, len(keys)]))
    places = np.arange(len(keys))
    step = 1
    while len(places := places[places + step < ends[places]]):
        for k in range(0, len(places), _CHUNK):
            some = places[k : k + _CHUNK]
            yield order[some], order[some + step]
        step += 1
