"""Batches through tf.data, and batches of images. Batch s is a pure function of (seed, s), so a run can resume.

Axis legend: B rows of a batch, S image side.
"""

import atexit
import contextlib
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NotRequired, TypedDict, TypeVar

import numpy as np

from t2f_jax.data.augment import view
from t2f_jax.data.mixture import Mixture, held_out
from t2f_jax.data.pixels import ImageSet
from t2f_jax.tokens.attributes import Attribute
from t2f_jax.tokens.targets import targets

FOREVER = 2**40  # steps
_AHEAD = 4  # batches kept ready
_open: weakref.WeakSet[Any] = weakref.WeakSet()  # iterators whose thread may be running

B = TypeVar("B", bound=Mapping[str, Any])  # a batch: arrays by name


class ImageBatch(TypedDict):
    """The arrays of a batch of images."""

    image: np.ndarray  # uint8 [B, S, S, 3]
    choices: NotRequired[np.ndarray]  # int32 [B, A], numbers: float32 [B, K], see `tokens.targets`; if requested
    numbers: NotRequired[np.ndarray]
    mask: NotRequired[np.ndarray]  # float32 [B], in held-out batches: 0 for a row that only pads the batch


@atexit.register
def _close() -> None:
    """Ends the threads before Python exits: a thread that returned to Python during the exit would block it forever."""
    for batches in list(_open):
        with contextlib.suppress(ValueError):  # used by another thread
            batches.close()


def image_batches(
    sets: Sequence[tuple[ImageSet, float]],
    batch_size: int,
    seed: int,
    start_step: int = 0,
    flip: bool = False,
    jitter: float = 0.0,
    local_rows: Sequence[int] | None = None,
    labels: Sequence[Attribute] = (),
) -> Iterator[ImageBatch]:
    """Endless batches from `start_step` on, sources mixed by weight.

    Args:
      sets: (images, weight) of each source.
      batch_size: B of all processes together.
      flip, jitter: changes of views, see `augment.view`; every row draws its own, and half of them are mirrored.
      local_rows: the rows of a batch that this process, one of several, makes; None: all.
      labels: attributes whose labels come with the images; none: only images.
    """
    targets_of = [targets(s.fields, labels) for s, _ in sets] if labels else []
    mixture = Mixture([len(s) for s, _ in sets], [w for _, w in sets], seed)

    def image(row: int, source: int, i: int) -> np.ndarray:
        plain = sets[source][0].images[i]
        if not flip and jitter <= 0:
            return plain
        return view(plain, seed, row, 1 + int(np.random.default_rng((seed, row)).integers(2)), flip, jitter)

    def make(step: int) -> ImageBatch:
        numbers = rows(step)
        chosen = [(row, *where) for row, where in zip(numbers, mixture.locate_all(numbers))]
        batch: ImageBatch = {"image": np.stack([image(*where) for where in chosen])}
        if targets_of:
            known = [[arrays[i] for arrays in targets_of[source]] for _, source, i in chosen]
            batch["choices"], batch["numbers"] = (np.stack(arrays) for arrays in zip(*known))
        return batch

    rows = rows_of(batch_size, local_rows)
    return through_tf_data(make, start_step, FOREVER)


def image_eval_batches(
    sets: Sequence[ImageSet], batch_size: int, batches: int, local_rows: Sequence[int] | None = None
) -> Iterator[ImageBatch]:
    """At most `batches` batches, with a mask, the same faces at every call.

    Every source gives an equal part, no face occurs twice; the last batch is padded with rows of mask 0.
    """
    chosen = held_out([len(s) for s in sets], [1.0] * len(sets), batch_size * batches)

    def make(rows: list[int], mask: np.ndarray) -> ImageBatch:
        return {"image": np.stack([sets[s].images[i] for s, i in (chosen[r] for r in rows)]), "mask": mask}

    return held_out_batches(make, len(chosen), batch_size, local_rows)


def rows_of(batch_size: int, local_rows: Sequence[int] | None) -> Callable[[int], list[int]]:
    """-> step -> global numbers of the rows that this process makes."""
    places = range(batch_size) if local_rows is None else local_rows

    def numbers(step: int) -> list[int]:
        return [step * batch_size + place for place in places]

    return numbers


def held_out_batches(
    make: Callable[[list[int], np.ndarray], B], total: int, batch_size: int, local_rows: Sequence[int] | None
) -> Iterator[B]:
    """Batches of rows 0..total-1 by `make(rows, mask float32 [B])`; rows beyond repeat the last one, with mask 0."""
    rows = rows_of(batch_size, local_rows)

    def batch(step: int) -> B:
        mask = np.array([row < total for row in rows(step)], np.float32)
        return make([min(row, total - 1) for row in rows(step)], mask)

    return through_tf_data(batch, 0, -(-total // batch_size))


def through_tf_data(make: Callable[[int], B], start: int, stop: int) -> Iterator[B]:
    """make(start), make(start + 1), ... up to `stop`, made by one background thread that stays `_AHEAD` batches ahead.

    The first batch is made immediately, so that an error is raised in this call; the iterator raises later exceptions
    of the thread unchanged.
    """
    if start >= stop:
        return iter(())
    batches = _rest(make, start, stop, make(start))
    _open.add(batches)
    return batches


def _rest(make: Callable[[int], B], start: int, stop: int, first: B) -> Iterator[B]:
    import tensorflow as tf

    with contextlib.suppress(RuntimeError):  # raised if TensorFlow is in use already; then it was set before
        tf.config.set_visible_devices([], "GPU")
    keys, failure = list(first), []

    def produce(step: np.ndarray) -> list[np.ndarray]:
        try:
            batch = make(int(step))
        except BaseException as error:
            failure.append(error)
            raise
        return [batch[key] for key in keys]

    def produce_graph(step: tf.Tensor) -> dict[str, tf.Tensor]:
        values: Any = tf.numpy_function(produce, [step], [first[key].dtype for key in keys])
        return dict(zip(keys, values))

    options = tf.data.Options()
    options.threading.private_threadpool_size = 1  # `make` is Python, so a second thread would wait for the first
    options.threading.max_intra_op_parallelism = 1
    dataset = tf.data.Dataset.range(start + 1, stop).map(produce_graph).prefetch(_AHEAD).with_options(options)
    batches: Any = dataset.as_numpy_iterator()
    yield first
    while True:
        try:
            batch = next(batches)
        except StopIteration:
            return
        except tf.errors.OpError as error:
            raise (failure[0] if failure else error) from None
        yield batch
