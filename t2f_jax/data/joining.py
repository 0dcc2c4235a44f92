"""All shards of a split, opened and joined to a part of a store; `shards` and `store` describe their files.

N faces of the split, S image side.
"""

import dataclasses
import pathlib
from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np

from t2f_jax.data import records
from t2f_jax.data.shards import Work, shard_name
from t2f_jax.errors import UserError
from t2f_jax.io import files
from t2f_jax.io.arrays import create_array


@dataclasses.dataclass(frozen=True)
class Shards:
    """All shards of a split. Every method raises UserError if one is missing or damaged."""

    work: Work
    folders: tuple[pathlib.Path, ...]

    @classmethod
    def at(cls, folder: pathlib.Path, work: Work) -> "Shards":
        """The shards in `folder`."""
        return cls(work, tuple(folder / shard_name(number) for number in range(len(work.shards()))))

    def hashes(self) -> np.ndarray:
        """Perceptual hashes of the N pictures, uint64 [N, 4]."""
        return np.concatenate([_load(folder / "hashes.npy") for folder in self.folders])

    def skipped(self) -> list[dict[str, str]]:
        """[{"id", "why"}] of the files that could not be read."""
        lines = [line for folder in self.folders for line in _lines(folder / "skipped.jsonl")]
        return [files.parse_json(line) for line in lines]

    def ids(self, numbers: np.ndarray) -> dict[int, str]:
        """Names of the faces with these numbers."""
        wanted = set(numbers.tolist())
        lines = enumerate(self._records()) if wanted else ()
        return {number: files.parse_json(line)["id"] for number, line in lines if number in wanted}

    def _records(self) -> Iterator[bytes]:
        for folder in self.folders:
            yield from _lines(folder / "records.jsonl")

    def join(self, part: pathlib.Path, key: str, gone: np.ndarray) -> None:
        """Writes a part of a store with this key, without the faces with the numbers `gone`.

        Raises:
          UserError: also if no face is left.
        """
        hashes_Nx4 = self.hashes()
        stays = np.ones(len(hashes_Nx4), bool)
        stays[gone] = False
        if not stays.any():
            self._refuse(len(gone))
        with files.whole_folder(part) as partial:
            shape = self._join_codes(partial, stays)
            np.save(partial / "hashes.npy", hashes_Nx4[stays])
            with (partial / "records.jsonl").open("wb") as file:
                file.writelines(line for line, kept in zip(self._records(), stays, strict=True) if kept)
            records.write_index(partial / "records.jsonl")
            with (partial / "skipped.jsonl").open("wb") as file:
                file.writelines(line for folder in self.folders for line in _lines(folder / "skipped.jsonl"))
            rows = self._join_examples(partial, stays)
            meta = {"key": key, **dict(zip(("count", "views", "codes_per_image"), shape)), "examples": rows}
            files.write_json(partial / "meta.json", meta)

    def _refuse(self, copies: int) -> NoReturn:
        name, split, skipped = self.work.source.name, self.work.split, self.skipped()
        if copies:
            raise UserError(
                f"{name}: all {copies} readable faces of the {split} split are copies of others; data.copies=report"
                f" keeps them, data.sources.{name}.weight=0 leaves this dataset out"
            )
        raise UserError(
            f"{name}: the {split} split has no readable image; {len(skipped)} were tried"
            f" (the last: {skipped[-1]['why']})"
        )

    def _join_codes(self, partial: pathlib.Path, stays: np.ndarray) -> tuple[int, int, int]:
        """Writes codes.npy, uint16 [faces, views, n], and returns its shape."""
        n = max(_load(folder / "codes.npy").shape[2] for folder in self.folders)  # 0 in a shard without faces
        codes = create_array(partial / "codes.npy", np.uint16, (int(stays.sum()), self.work.views, n))
        seen = written = 0
        for folder in self.folders:
            some = _load(folder / "codes.npy")
            kept = some[stays[seen : seen + len(some)]]
            if len(kept):
                codes[written : written + len(kept)] = kept
            seen, written = seen + len(some), written + len(kept)
        codes.flush()
        return codes.shape

    def _join_examples(self, partial: pathlib.Path, stays: np.ndarray) -> list[int]:
        """Writes examples.npy, uint8 [E, S, S, 3], and returns the number of each among the remaining faces."""
        images, rows, seen = [], [], 0
        for folder in self.folders:
            pixels, shown = _load(folder / "examples.npy"), _meta(folder)["examples"]
            kept = [stays[seen + row] for row in shown]
            images.append(pixels[np.array(kept, bool)])
            rows += [int(stays[: seen + row].sum()) for row in shown if stays[seen + row]]
            seen += len(_load(folder / "hashes.npy"))
        np.save(partial / "examples.npy", np.concatenate(images))
        return rows


def _meta(folder: pathlib.Path) -> dict[str, Any]:
    return files.read_json(folder / "meta.json", "the shard's description")


def _load(path: pathlib.Path) -> np.ndarray:
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path}: broken or missing ({error}); delete {path.parent} and run it again") from error


def _lines(path: pathlib.Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from file
    except OSError as error:
        raise UserError(f"{path}: broken or missing ({error}); delete {path.parent} and run it again") from error
