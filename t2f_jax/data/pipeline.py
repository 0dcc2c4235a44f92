"""Batches for the trainers through tf.data: batch s is a pure function of (seed, s), so a run resumes from its step.

B rows of a batch, S image side, L length of a row.
"""

import atexit
import contextlib
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from t2f_jax.config.schema import DecoderRunConfig
from t2f_jax.data.augment import view
from t2f_jax.data.examples import Writer
from t2f_jax.data.mixture import Mixture, held_out
from t2f_jax.data.pixels import ImageSet
from t2f_jax.data.store import Store
from t2f_jax.errors import UserError
from t2f_jax.tokens import packing, sequence
from t2f_jax.tokens.vocab import Vocab

Batch = dict[str, np.ndarray]
_FOREVER = 2**40  # steps
_AHEAD = 4  # batches kept ready
_open: weakref.WeakSet[Any] = weakref.WeakSet()  # iterators whose thread may be at work


@atexit.register
def _close() -> None:
    """Ends the threads while Python lives: one that came back into a Python that ends would hang there, and it too."""
    for batches in list(_open):
        with contextlib.suppress(ValueError):  # in use by another thread
            batches.close()


def image_batches(
    sets: Sequence[tuple[ImageSet, float]],
    batch_size: int,
    seed: int,
    start_step: int = 0,
    flip: bool = False,
    jitter: float = 0.0,
    mine: Sequence[int] | None = None,
) -> Iterator[Batch]:
    """Endless batches {"image": uint8 [B, S, S, 3]} from `start_step` on, sources mixed by weight.

    Args:
      sets: (images, weight) of each source.
      batch_size: B of all processes together.
      flip, jitter: how views may differ, see `images.view`; every row draws its own, half of them mirrored.
      mine: which of a batch's B rows this process makes, one of several; None: all.
    """
    mixture = Mixture([len(s) for s, _ in sets], [w for _, w in sets], seed)

    def image(row: int) -> np.ndarray:
        source, i = mixture.locate(row)
        plain = sets[source][0].images[i]
        if not flip and jitter <= 0:
            return plain
        return view(plain, seed, row, 1 + int(np.random.default_rng((seed, row)).integers(2)), flip, jitter)

    rows = _rows_of(batch_size, mine)
    return _through_tf_data(lambda step: {"image": np.stack([image(r) for r in rows(step)])}, start_step, _FOREVER)


def image_eval_batches(
    sets: Sequence[ImageSet], batch_size: int, batches: int, mine: Sequence[int] | None = None
) -> Iterator[Batch]:
    """At most `batches` batches {"image": uint8 [B, S, S, 3], "mask": float32 [B]}, the same faces at every call.

    Every source gives an equal part, no face comes twice; the last batch is filled up with rows of mask 0.
    """
    chosen = held_out([len(s) for s in sets], [1.0] * len(sets), batch_size * batches)

    def make(rows: list[int]) -> Batch:
        return {"image": np.stack([sets[s].images[i] for s, i in (chosen[r] for r in rows)])}

    return _held_out_batches(make, len(chosen), batch_size, mine)


def sequence_batches(
    store: Store,
    vocab: Vocab,
    tok: sequence.Encoder,
    config: DecoderRunConfig,
    weights: Mapping[str, float],
    batch_size: int,
    seed: int,
    start_step: int = 0,
    mine: Sequence[int] | None = None,
) -> Iterator[Batch]:
    """Endless batches of `sequence.assemble` (or `packing.pack`, if `config.pack` > 1) from `start_step` on.

    Sources and tasks are mixed, words and views drawn anew.

    Args:
      weights: share of each source by name; sources without one, or of 0, are left out.
      batch_size, mine: rows, see `image_batches`. Packed rows are made in groups (`packing.GROUP`), of which a process
        makes those that hold rows of its own.

    Raises:
      UserError: a weight for a source that the store has not, or a configuration in which no row fits.
    """
    names, shares = _weighted(store, weights)
    mixture = Mixture([len(store.codes(name, "train")) for name in names], shares, seed)
    writer = Writer(store, vocab, tok, config)

    def example(number: int) -> sequence.Example:
        source, i = mixture.locate(number)
        return writer.example(names[source], "train", i, np.random.default_rng((seed, number)))

    def packed(step: int) -> Batch:
        places = range(batch_size) if mine is None else mine
        groups = sorted({place // packing.GROUP for place in places})
        made = []
        for group in groups:
            first, last = group * packing.GROUP, min((group + 1) * packing.GROUP, batch_size)
            numbers = range((step * batch_size + first) * config.pack, (step * batch_size + last) * config.pack)
            examples = [example(n) for n in numbers]
            made.append(
                packing.pack(examples, last - first, config.row_ids, config.loss_span, config.model.image_position)
            )
        keep = [groups.index(place // packing.GROUP) * packing.GROUP + place % packing.GROUP for place in places]
        return {name: np.concatenate([batch[name] for batch in made])[keep] for name in made[0]}

    def make(step: int) -> Batch:
        if config.pack > 1:
            return packed(step)
        examples = [example(r) for r in rows(step)]
        length = config.sequence_length
        if mine is None:  # else the processes' rows would differ in length
            length = sequence.trimmed(examples, length, config.trim)
        return sequence.assemble(examples, length, config.loss_span, config.model.image_position)

    rows = _rows_of(batch_size, mine)
    return _through_tf_data(make, start_step, _FOREVER)


def sequence_eval_batches(
    store: Store,
    vocab: Vocab,
    tok: sequence.Encoder,
    config: DecoderRunConfig,
    weights: Mapping[str, float],
    batch_size: int,
    batches: int,
    split: str = "validation",
    mine: Sequence[int] | None = None,
) -> Iterator[Batch]:
    """At most `batches` batches of `sequence.assemble` and "mask" float32 [B], the same rows at every call.

    Sources have their weights' parts, no face comes twice; the last batch is filled up with rows of mask and
    loss weight 0.
    """
    names, shares = _weighted(store, weights)
    chosen = held_out([len(store.codes(name, split)) for name in names], shares, batch_size * batches)
    writer = Writer(store, vocab, tok, config)

    def make(rows: list[int]) -> Batch:
        examples = []
        for row in rows:
            source, i = chosen[row]
            examples.append(writer.example(names[source], split, i, np.random.default_rng((1, row))))
        return sequence.assemble(examples, config.sequence_length, config.loss_span, config.model.image_position)

    return _held_out_batches(make, len(chosen), batch_size, mine)


def _weighted(store: Store, weights: Mapping[str, float]) -> tuple[list[str], list[float]]:
    chosen = {name: weight for name, weight in weights.items() if weight > 0}
    absent = [name for name in chosen if name not in store.sources]
    if absent:
        raise UserError(
            f"{store.folder}: no source '{absent[0]}' in this store, which has {', '.join(store.sources)};"
            " run `t2f prepare` with this config"
        )
    if not chosen:
        raise UserError("no dataset to train on: a config needs data.sources.<name> with a weight above 0")
    return list(chosen), list(chosen.values())


def _rows_of(batch_size: int, mine: Sequence[int] | None) -> Callable[[int], list[int]]:
    """-> step -> global numbers of the rows that this process makes."""
    places = range(batch_size) if mine is None else mine
    return lambda step: [step * batch_size + place for place in places]


def _held_out_batches(
    make: Callable[[list[int]], Batch], total: int, batch_size: int, mine: Sequence[int] | None
) -> Iterator[Batch]:
    """Batches of rows 0..total-1; what stands beyond is a copy of the last row under mask 0."""
    rows = _rows_of(batch_size, mine)

    def batch(step: int) -> Batch:
        real = np.array([r < total for r in rows(step)])
        made = make([min(r, total - 1) for r in rows(step)])
        if "weights" in made:
            made["weights"] = made["weights"] * real[:, None].astype(np.float32)
        return {**made, "mask": real.astype(np.float32)}

    return _through_tf_data(batch, 0, -(-total // batch_size))


def _through_tf_data(make: Callable[[int], Batch], start: int, stop: int) -> Iterator[Batch]:
    """make(start), make(start + 1), ... up to `stop`, made by one background thread that stays `_AHEAD` batches ahead.

    The first batch is made here and now, so that a mistake shows where the batches are asked for; an exception in the
    thread is raised again, as itself, by the iterator.
    """
    if start >= stop:
        return iter(())
    batches = _rest(make, start, stop, make(start))
    _open.add(batches)
    return batches


def _rest(make: Callable[[int], Batch], start: int, stop: int, first: Batch) -> Iterator[Batch]:
    import tensorflow as tf

    with contextlib.suppress(RuntimeError):  # raised once TensorFlow is in use; then it was done before
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
    options.threading.private_threadpool_size = 1  # one core makes far more rows than a step takes
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
