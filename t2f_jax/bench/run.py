"""`t2f bench`: benchmarks of this machine, as ratios within one run.

Each row is a figure, the baseline measured in the same run and the ratio of the two; if a physical limit is known
(measured matrix products, memory reads), also the share of it that was reached.
"""

import functools
import pathlib
from collections.abc import Callable, Iterator

from t2f_jax import config
from t2f_jax.bench import cold_start, decoding, training, vqgan
from t2f_jax.bench.random_model import random_model
from t2f_jax.bench.subject import Subject, make_subject
from t2f_jax.bench.table import Row
from t2f_jax.inference.model import Model, load


def measure_matmul(subject: Subject) -> Row:
    """Float32 matrix products, the limit of computation."""
    return Row("machine_matmul", subject.machine.measure_matmul() / 1e9, "GFLOP/s")


def measure_read(subject: Subject) -> Row:
    """Memory reads, the limit of decoding one row."""
    return Row("machine_read", subject.machine.measure_read() / 1e9, "GB/s")


def measure_training(subject: Subject) -> Row:
    """Steps on four pairs of all tasks, against the plain step; the limit is matrix products at the model's FLOPs."""
    model = subject.model
    timing = training.compare(model.run_config, model.vocab, subject.tokens)
    speeds = (timing.pairs_per_second, "pairs/s", timing.plain_pairs_per_second)
    return Row("train_step_b4", *speeds, timing.ratio, timing.share)


def measure_vqgan(subject: Subject, job: str) -> Row:
    """One image of 256 x 256, f16, to codes or back, against the peer; the limit is the convolutions' FLOPs."""
    speed = vqgan.measure(job, subject.peer)
    limit = speed.flops / subject.machine.matmul
    return Row(f"vqgan_{job}", speed.seconds, "s/image", speed.peer_seconds, speed.ratio, limit / speed.seconds)


# The limits come first, because the other rows are compared with them.
ROWS: dict[str, Callable[[Subject], Row]] = {
    "machine_matmul": measure_matmul,
    "machine_read": measure_read,
    "train_step_b4": measure_training,
    "sample_b1": functools.partial(decoding.measure_sample, batch=1),
    "sample_b8": functools.partial(decoding.measure_sample, batch=8),
    "caption_48": decoding.measure_caption,
    "attributes_b1": decoding.measure_one_face,
    "attributes_b32": decoding.measure_many_faces,
    "vqgan_encode": functools.partial(measure_vqgan, job="encode"),
    "vqgan_decode": functools.partial(measure_vqgan, job="decode"),
    "cold_start": cold_start.measure,
}


def measure(
    model: pathlib.Path | None, only: str | None, peer: str | None = None, spec: str = "talk2face_base"
) -> Iterator[Row]:
    """The rows of the table, each as soon as it is measured.

    Args:
      model: a model folder; random weights of the config `spec` if None.
      only: rows whose name contains this, and the machine's.
      peer: the command of a `peer.Peer`, with which `vqgan_encode` and `vqgan_decode` are compared.
    """
    subject = make_subject(load(model) if model else Model(random_model(config.load(spec))), peer)
    for name, row in ROWS.items():
        if not only or only in name or name.startswith("machine"):
            yield row(subject)
