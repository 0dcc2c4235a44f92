"""The split of a face: from its row, folder or shard; without such information, by a hash."""

import hashlib
import pathlib
import re
from collections.abc import Sequence

from t2f_jax.data.datasets.base import Split

WORDS: dict[str, Split] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}
RULE = (
    "what the column 'split', a folder or a shard is called decides; of a split that is not named a tenth of the faces,"
    " by a hash of their names, at least one"
)


def of_word(text: str) -> Split | None:
    """ "Val" -> "validation"; None if the text names no split."""
    return WORDS.get(text.strip().lower())


def of_folder(path: pathlib.PurePath) -> Split | None:
    """The split named by a folder above a file; None if there is none."""
    return next((split for part in path.parts[:-1] if (split := of_word(part))), None)


def of_file(path: pathlib.PurePath) -> Split | None:
    """The split at the start of a table's or shard's name ("train-00000.tar"), otherwise that of a folder above it."""
    word = re.match(r"[a-z]*", path.name.lower())
    return (of_word(word[0]) if word else None) or of_folder(path)


def without_folder(path: pathlib.PurePosixPath) -> str:
    """A relative path without the folders that name a split: an image has the same name in all layouts."""
    return str(pathlib.PurePosixPath(*(part for part in path.parts[:-1] if not of_word(part)), path.name))


def deal(keys: Sequence[str], said: Sequence[Split | None]) -> list[Split]:
    """Splits of all faces.

    A split without given faces is filled from the faces without a given split: a tenth of their keys by hash, and at
    least one if there are enough. Faces with the same key stay together.

    Args:
      keys: for each face its person, or its own name.
      said: for each face its given split, or None.
    """
    free = sorted({key for key, split in zip(keys, said) if split in (None, "train")}, key=_share, reverse=True)
    missing: list[Split] = [split for split in ("test", "validation") if split not in said]
    dealt: dict[str, Split] = {}
    for number, split in enumerate(missing, 1):
        if len(free) > len(missing) - number + 1:  # keep one for each remaining split, and one for training
            count = max(1, sum(_share(key) >= 1 - number / 10 for key in free))
            dealt |= dict.fromkeys(free[:count], split)
            free = free[count:]
    return [dealt.get(key, "train") if split in (None, "train") else split for key, split in zip(keys, said)]


def _share(key: str) -> float:
    """A number in 0..1 that depends only on the key."""
    return int(hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:12], 16) / 16**12
