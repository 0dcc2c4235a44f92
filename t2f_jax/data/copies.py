"""Copies of one picture in the parts of a store: lists them and, if requested, leaves them out; see `duplicates`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from t2f_jax.config.schema import Copies
from t2f_jax.data import duplicates
from t2f_jax.data.joining import Shards

_HELD_OUT_FIRST = ("test", "validation", "train")


def find(parts: Sequence[Shards], mode: Copies) -> tuple[list[dict[str, Any]], list[np.ndarray]]:
    """Finds groups of copies, in all splits of all sources except drawn faces, and the faces to leave out.

    Args:
      mode: "report" leaves out nothing; "drop_leaked" leaves out of train the copies of faces in validation or test,
        and of validation those of faces in test; "drop" keeps one of each group: preferably of test, then of
        validation, then of train, and of the source named first.

    Returns:
      [{"faces": [{"source", "split", "id", "bits", "mirrored", "left_out"}, ...]}], first the face that is always
      kept; "bits" is the number of bits in which a face's hash differs from that of the first; and for each of `parts`
      the numbers of its faces that are left out, ascending.
    """
    hashes = [part.hashes() for part in parts]
    total = sum(map(len, hashes))
    seen = [p for p, part in enumerate(parts) if not part.work.source.dataset.drawn]
    part_N = np.repeat(np.array(seen, np.int64), [len(hashes[p]) for p in seen])
    number_N = np.concatenate([np.zeros(0, np.int64), *(np.arange(len(hashes[p])) for p in seen)])
    hashes_Nx4 = np.concatenate([np.zeros((0, 4), np.uint64), *(hashes[p] for p in seen)])
    split_P = np.array([_HELD_OUT_FIRST.index(part.work.split) for part in parts])
    rank_N = split_P[part_N] * total + np.arange(len(part_N))
    groups = [group[np.argsort(rank_N[group])] for group in duplicates.groups(hashes_Nx4)]
    rank_of = {"report": np.zeros_like(rank_N), "drop_leaked": split_P[part_N], "drop": rank_N}
    gone = duplicates.leave_out(groups, rank_of[mode])
    told = np.concatenate([np.zeros(0, np.int64), *groups])
    ids = {p: parts[p].ids(number_N[told[part_N[told] == p]]) for p in seen}

    def face(i: int, first: int) -> dict[str, Any]:
        plain = int(duplicates.distances(hashes_Nx4[first], hashes_Nx4[i]))
        mirrored = int(duplicates.distances(hashes_Nx4[first], duplicates.mirrored(hashes_Nx4[i : i + 1])[0]))
        work = parts[part_N[i]].work
        return {
            "source": work.source.name,
            "split": work.split,
            "id": ids[int(part_N[i])][int(number_N[i])],
            "bits": min(plain, mirrored),
            "mirrored": mirrored < plain,
            "left_out": i in left_out,
        }

    left_out = set(gone.tolist())
    lines = [{"faces": [face(int(i), int(group[0])) for i in group]} for group in groups]
    return lines, [number_N[gone[part_N[gone] == p]] for p in range(len(parts))]


def summary(groups: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """{"groups", "across_splits", "across_sources": number of groups, "left_out": number of faces}."""
    return {
        "groups": len(groups),
        "across_splits": sum(len({face["split"] for face in group["faces"]}) > 1 for group in groups),
        "across_sources": sum(len({face["source"] for face in group["faces"]}) > 1 for group in groups),
        "left_out": sum(face["left_out"] for group in groups for face in group["faces"]),
    }
