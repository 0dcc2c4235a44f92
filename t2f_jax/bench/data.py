"""Rows of the table of `t2f bench data`: the speed of training rows from a large store, and of reading JPEGs.

A pair is an image with one target: one example of a packed row.
"""

import contextlib
import dataclasses
import itertools
import pathlib
import tempfile
import time
from collections.abc import Iterator

import numpy as np
import psutil

from t2f_jax import config
from t2f_jax.bench import jpegs, made_store
from t2f_jax.bench.table import Row
from t2f_jax.config.loader import narrow
from t2f_jax.config.schema import DecoderRunConfig, SourceConfig
from t2f_jax.data.rows import Rows
from t2f_jax.data.store import Store
from t2f_jax.environment import cores
from t2f_jax.tokens import text_tokenizer

FACES = 2_300_000  # the paper's pairs
FAR = 1_000_000  # a step late in a training
BATCH = 128  # rows of a batch
SECONDS = 5.0  # how long each speed is measured


def measure(folder: pathlib.Path | None, faces: int = FACES, seconds: float = SECONDS) -> Iterator[Row]:
    """The rows, each as soon as it is measured.

    Args:
      folder: a prepared store; None: a temporary one with random codes, captions and labels.
      faces: in that store.
      seconds: how long each speed is measured.
    """
    with contextlib.ExitStack() as stack:
        if folder is None:
            folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory())) / "store"
            made_store.make(folder, faces)
        began = time.perf_counter()
        store = Store(folder)
        yield Row("data_open", time.perf_counter() - began, "s")
        yield from _rows_of_store(store, seconds)
        yield _first_batch(store)
    yield from jpegs.measure()


def base_rows(store: Store, workers: int) -> Rows:
    """`Rows` of the base model's size."""
    run = narrow(config.load("talk2face_base")).decoder
    decoder = dataclasses.replace(run, workers=workers, train=dataclasses.replace(run.train, batch_size=BATCH))
    return _rows(store, decoder)


def _rows(store: Store, decoder: DecoderRunConfig) -> Rows:
    tokenizer = text_tokenizer.load(store.folder)
    vocab = text_tokenizer.vocab(tokenizer, made_store.CODEBOOK)
    sources = {name: SourceConfig(kind=made_store.KIND) for name in store.sources}
    return Rows(store, vocab, tokenizer, decoder, sources)


def _rows_of_store(store: Store, seconds: float) -> Iterator[Row]:
    """Pairs per second of one process and of one per core, pairs per core-second, and the used memory."""
    if asking := store.read_ahead("train"):  # as in training, whose rows soon no longer wait for the disk
        asking.join()
    rows = base_rows(store, 0)
    rows.batch(0)  # fills the caches
    one = _speed((rows.batch(step) for step in itertools.count(1)), seconds, [psutil.Process()])
    yield Row("data_rows_one", one.wall, "pairs/s")
    yield Row("data_rows_core", one.cpu, "pairs/core-s")
    workers = cores()
    batches = base_rows(store, workers).train()
    for _ in range(2 * workers + 1):
        next(batches)  # all processes are running now
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    many = _speed(batches, seconds, family)
    memory = sum(map(_resident, family))
    batches.close()  # type: ignore[attr-defined]
    yield Row(f"data_rows_{workers}", many.wall, "pairs/s", one.wall, many.wall / one.wall)
    yield Row(f"data_cores_{workers}", many.cpu, "pairs/core-s", one.cpu, many.cpu / one.cpu)
    yield Row("data_memory", memory / 1e9, "GB")


@dataclasses.dataclass(frozen=True)
class _Speed:
    wall: float  # pairs per second
    cpu: float  # pairs per core-second, whatever else runs on the core


def _speed(batches: Iterator, seconds: float, family: list[psutil.Process]) -> _Speed:
    pairs, used, began = 0, _core_seconds(family), time.perf_counter()
    while time.perf_counter() < began + seconds:
        pairs += int(np.max(next(batches)["documents"], axis=1).sum())
    wall, cpu = time.perf_counter() - began, _core_seconds(family) - used
    return _Speed(pairs / wall, pairs / cpu)


def _core_seconds(family: list[psutil.Process]) -> float:
    times = [process.cpu_times() for process in family]
    return sum(each.user + each.system for each in times)


def _resident(process: psutil.Process) -> int:
    """Bytes in memory; shared memory is divided among its processes if the system reports that."""
    memory = process.memory_full_info()
    return getattr(memory, "pss", 0) or memory.rss


def _first_batch(store: Store) -> Row:
    """Seconds until the first batch of a run resumed late in its training, against a new one."""

    def seconds(step: int) -> float:
        rows = base_rows(store, 0)
        began = time.perf_counter()
        rows.batch(step)
        return time.perf_counter() - began

    begun, far = (min(seconds(step) for _ in range(3)) for step in (0, FAR))
    return Row("data_first", far, "s", begun, begun / far)
