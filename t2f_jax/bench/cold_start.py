"""A row of the table: `t2f generate` in a new process, from the command line to the saved PNG of one face."""

import os
import pathlib
import subprocess
import tempfile
import time

import numpy as np

from t2f_jax import bundle, environment
from t2f_jax.bench.machine import median_seconds
from t2f_jax.bench.subject import Subject
from t2f_jax.bench.table import Row
from t2f_jax.inference import decoding, grammar


def measure(subject: Subject) -> Row:
    """The second run, minus the time of generation itself; the baseline is the first, which fills the compile cache."""
    model = subject.model
    request = decoding.Request((subject.prefix,), grammar.image(model.vocab, subject.tokens))

    def draw() -> np.ndarray:
        return model.decode(model.vocab.codes(np.stack(decoding.generate(model.engine, [request], model.sampler))))

    drawing = median_seconds(draw, 3)
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder)
        bundle.save(home / "model", model.bundle)
        first, second = (_seconds_of_command(home) - drawing for _ in range(2))
    return Row("cold_start", second, "s", first, first / second)


def _seconds_of_command(home: pathlib.Path) -> float:
    arguments = ["generate", "--model", str(home / "model"), "--text", "a face", "--n", "1", "--out", str(home)]
    # Not this process's own folder of compiled programs, where the first run would find everything compiled.
    variables = {**os.environ, "JAX_COMPILATION_CACHE_DIR": str(home / "programs")}
    command = [*environment.command(), *arguments]
    start = time.perf_counter()
    subprocess.run(command, env=variables, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start
