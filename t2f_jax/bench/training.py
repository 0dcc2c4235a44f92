"""The training step against the plain one (`training.plain_trainer`), alternately, and the peak of matrix products.

Axis legend: B pairs of a batch (an image with one target each), L length of a row, n codes of an image.
"""

import dataclasses
import itertools
import statistics
import time

import jax
import numpy as np

from t2f_jax.bench.machine import Machine
from t2f_jax.config.schema import DecoderRunConfig
from t2f_jax.tokens import sequence
from t2f_jax.tokens.sequence import Branch, Example
from t2f_jax.tokens.vocab import Vocab
from t2f_jax.training.decoder_trainer import DecoderTrainer, count_work
from t2f_jax.training.plain_trainer import PlainTrainer, plain_config

TRIM = 8  # row lengths are multiples of it
PROMPT, CAPTION, QUESTIONS = 24, 24, 8  # ids of a prompt's words and of a caption, and questions about a face


@dataclasses.dataclass(frozen=True)
class Timing:
    """Medians over alternated steps.

    Attributes:
      pairs_per_second, plain_pairs_per_second: of the two steps.
      ratio: median of the ratios of consecutive steps.
      flops_per_second: model FLOPs (`model_flops`: without padding and unscored positions) per second.
      peak: FLOP/s of matrix products, measured before and after each step.
      share: median of model FLOP/s over the larger of the peaks before and after.
    """

    pairs_per_second: float
    plain_pairs_per_second: float
    ratio: float
    flops_per_second: float
    peak: float
    share: float


def pairs(vocab: Vocab, n: int, count: int, first: int, sequence_length: int) -> list[Example]:
    """`count` pairs of random ids; the three tasks take turns, starting with task number `first`."""
    rng = np.random.default_rng(first)

    def text(count: int) -> tuple[int, ...]:
        return tuple(rng.integers(vocab.sep + 1, vocab.text_size, count).tolist())

    examples = []
    for number in range(first, first + count):
        image = tuple(vocab.image_ids(rng.integers(0, vocab.image_size, n)).tolist())
        task = number % 3
        if task == sequence.TO_IMAGE:
            prefix = (vocab.cls, *text(2), vocab.sep, *text(PROMPT), vocab.sep)
            example = Example(prefix, (Branch((), image),), task, len(prefix))
        else:
            prefix = (vocab.cls, *text(2), vocab.sep, *image, vocab.sep)
            questions = tuple(Branch(text(2), (*text(1), vocab.sep)) for _ in range(QUESTIONS))
            branches = (Branch((), (*text(CAPTION), vocab.sep)),) if task == sequence.TO_CAPTION else questions
            example = Example(prefix, branches, task, 4)
        examples.append(sequence.fit(example, sequence_length))
    return examples


def compare(config: DecoderRunConfig, vocab: Vocab, n: int, batch: int = 4, repeats: int = 5) -> Timing:
    """Times `repeats` steps of each kind on batches of `batch` pairs.

    Ours: rows of one pair, as long as the batch's longest, logits only at targets. Plain: rows of
    `sequence_length`, logits everywhere. Both in float32, without dropout, with separate layers: both steps are faster
    on a CPU than with stacked layers, whose gradients are copied together.
    """
    model = dataclasses.replace(config.model, dropout=0.0, scan=False)
    train = dataclasses.replace(config.train, compute_dtype="float32")
    plain = plain_config(dataclasses.replace(config, model=model, train=train))
    runs = [(_Run(DecoderTrainer(plain, vocab)), TRIM), (_Run(PlainTrainer(plain, vocab)), 0)]
    for run, trim in runs:
        run(_batch(vocab, n, batch, 0, config.sequence_length, trim))  # compiles
    machine = Machine()
    peaks, seconds, done = [machine.measure_matmul()], ([], []), []
    for number in range(repeats):
        for (run, trim), times in zip(runs, seconds):
            times.append(run(_batch(vocab, n, batch, batch * number, config.sequence_length, trim)))
        whole = _batch(vocab, n, batch, batch * number, config.sequence_length, 0)
        done.append(float(count_work(config.model, vocab.size, jax.device_put(whole))["model_flops"]))
        peaks.append(machine.measure_matmul())
    ours, others = seconds
    reached = [flops / s for flops, s in zip(done, ours)]
    beside = [max(a, b) for a, b in itertools.pairwise(peaks)]
    return Timing(
        batch / statistics.median(ours),
        batch / statistics.median(others),
        statistics.median(b / a for a, b in zip(ours, others)),
        statistics.median(reached),
        statistics.median(peaks),
        statistics.median(r / p for r, p in zip(reached, beside)),
    )


def _batch(vocab: Vocab, n: int, batch: int, first: int, length: int, trim: int) -> sequence.Batch:
    examples = pairs(vocab, n, batch, first, length)
    return sequence.assemble(examples, sequence.trimmed(examples, length, trim))


class _Run:
    """A trainer's step and its state, whose memory is reused."""

    def __init__(self, trainer: DecoderTrainer):
        self._state = jax.jit(trainer.init)(jax.random.key(0))
        self._step = jax.jit(trainer.step, donate_argnums=0)

    def __call__(self, batch: sequence.Batch) -> float:
        """Seconds of a step."""
        began = time.perf_counter()
        self._state, metrics = self._step(self._state, batch, jax.random.key(1))
        jax.block_until_ready((self._state, metrics))
        return time.perf_counter() - began
