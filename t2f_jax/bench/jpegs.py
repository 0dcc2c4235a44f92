"""Rows for JPEGs, decoded and resized as in datasets, against tf.data, which only decodes them, on the same cores.

Each with `data.filter=auto` and, if the picture is at least twice as large as the square, with `dct`.
"""

import dataclasses
import pathlib
import tempfile
import time
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from t2f_jax.bench.table import Row
from t2f_jax.data import bare_decoding, reading
from t2f_jax.data.datasets import listed, registry
from t2f_jax.environment import cores
from t2f_jax.io.framing import Framing

KIND = "celeba"  # any dataset of image files
PIXELS = 40_000_000  # decoded per turn, of all pictures together
CHUNKS = 32  # given to the threads, so that they end at about the same time
TURNS = 9  # of each way, alternately; the best counts


@dataclasses.dataclass(frozen=True)
class Case:
    """Pictures of one size, and the size of their square.

    Attributes:
      rows: {name of a row: `Framing.filter`}.
    """

    width: int
    height: int
    square: int
    rows: dict[str, str]


CASES = (
    Case(356, 436, 256, {"data_jpeg": "auto"}),
    Case(178, 218, 64, {"data_jpeg_64": "auto", "data_dct_64": "dct"}),  # CelebA's
    Case(1024, 1024, 256, {"data_jpeg_1024": "auto", "data_dct_1024": "dct"}),  # FFHQ's and CelebA-HQ's
)


def measure() -> Iterator[Row]:
    """The rows of all cases."""
    for case in CASES:
        yield from _rows(case)


def _rows(case: Case) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        count = max(1, PIXELS // (case.width * case.height))
        paths = [pathlib.Path(folder) / f"{k:05d}.jpg" for k in range(count)]
        _draw(paths, case)
        fields = {"attributes": {}, "captions": []}
        faces = [listed.Face(path.name, path, fields, "train") for path in paths]  # type: ignore[arg-type]
        source = listed.Listed("jpegs", registry.find(KIND), faces)
        chunks = [chunk.tolist() for chunk in np.array_split(np.arange(count), min(count, CHUNKS))]

        def ours(filter: str) -> None:
            for _ in reading.read(source, chunks, case.square, Framing(filter=filter)):
                pass

        bare_decoding.decode_jpegs(paths[:1], 1)  # loads TensorFlow
        bare, best = 0.0, dict.fromkeys(case.rows, 0.0)
        for _ in range(TURNS):
            bare = max(bare, count / _seconds(lambda: bare_decoding.decode_jpegs(paths, cores())))
            for name, filter in case.rows.items():
                best[name] = max(best[name], count / _seconds(lambda filter=filter: ours(filter)))
    for name, reached in best.items():
        yield Row(name, reached, "images/s", bare, reached / bare)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _draw(paths: list[pathlib.Path], case: Case) -> None:
    """Writes pictures with as much detail as photos: smoothed noise."""
    noise = np.random.default_rng(0).integers(0, 256, (case.height // 4, case.width // 4, 3), np.uint8)
    picture = Image.fromarray(noise).resize((case.width, case.height), Image.Resampling.BICUBIC)
    for path in paths:
        picture.save(path, quality=90)
