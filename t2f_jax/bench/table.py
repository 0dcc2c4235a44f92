"""`t2f bench`: what this machine reaches, as ratios within one run.

Each row is a figure, the baseline measured beside it and the ratio of the two; where a physical limit is known
(measured matrix products, memory reads), the share of it that was reached. Axes: B rows, L length, n codes of an image.
"""

import dataclasses
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from t2f_jax import bundle, config
from t2f_jax.bench import training, vqgan
from t2f_jax.bench.random_model import random_model
from t2f_jax.inference import decoding, grammar, scoring
from t2f_jax.inference.batching import bucket, pad
from t2f_jax.inference.model import Model, load
from t2f_jax.inference.sampler import Sampler
from t2f_jax.io.files import write_json
from t2f_jax.io.progress import Progress
from t2f_jax.models.decoder import Decoder
from t2f_jax.tokens import sequence, templates

REPEATS = 5
PREFIX = 48  # ids of the prompt of a generated face
ROWS = (
    "machine_matmul",
    "machine_read",
    "train_step_b4",
    "sample_b1",
    "sample_b8",
    "caption_48",
    "attributes_b1",
    "attributes_b32",
    "vqgan_encode",
    "vqgan_decode",
    "cold_start",
)
_SILENT: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


@dataclasses.dataclass(frozen=True)
class Row:
    """One figure; `ratio` is how many times better than the baseline it is."""

    name: str
    value: float
    unit: str
    baseline: float | None = None
    ratio: float | None = None
    share_of_limit: float | None = None


def _median(run: Callable[[], Any], repeats: int = REPEATS) -> float:
    """Median seconds of a call, after one that compiles."""
    jax.block_until_ready(run())
    return _median_of(run, repeats)


def _median_of(run: Callable[[], Any], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(run())
        times.append(time.perf_counter() - start)
    return statistics.median(times)


class Bench:
    """The measurements on one model; each method returns a `Row`."""

    def __init__(self, model: Model, peer: str | None = None):
        self.model = model
        self.peer = peer
        self.n = model.image_tokenizer.config.tokens
        rng = np.random.default_rng(0)
        self.faces = rng.integers(0, 256, (32, model.image_size, model.image_size, 3), np.uint8)
        self.codes = rng.integers(0, model.vocab.image_size, (32, self.n), np.int32)
        self.prefix = rng.integers(4, model.vocab.text_size, PREFIX).tolist()
        self.matmul = self.read = 0.0

    def machine_matmul(self) -> Row:
        """Fp32 matrix products, the limit of computing."""
        a = jnp.ones((1536, 1536), jnp.float32)
        product = jax.jit(lambda x: x @ x)
        self.matmul = 2 * 1536**3 / _median(lambda: product(a))
        return Row("machine_matmul", self.matmul / 1e9, "GFLOP/s")

    def machine_read(self) -> Row:
        """Reading memory, the limit of decoding one row."""
        a = jnp.ones(64 * 1024 * 1024, jnp.float32)
        total = jax.jit(jnp.sum)  # of an argument: the sum of a constant would be done by the compiler
        self.read = a.nbytes / _median(lambda: total(a))
        return Row("machine_read", self.read / 1e9, "GB/s")

    def train_step_b4(self) -> Row:
        """Four pairs of all tasks, against the plain step; the limit is matrix products at the model's FLOPs."""
        told = training.compare(self.model.run_config, self.model.vocab, self.n)
        return Row(
            "train_step_b4", told.pairs_per_second, "pairs/s", told.plain_pairs_per_second, told.ratio, told.share
        )

    def _uncached(self, prefix: int, answer: int) -> float:
        """Seconds of an answer decoded without a cache: for each id a full forward pass over all there is so far, with
        the head over the whole vocabulary at every position, integrated over 9 lengths."""
        decoder = Decoder(self.model.run_config.model, self.model.vocab.size)
        params = jax.tree.map(jnp.asarray, self.model.params)
        forward = jax.jit(lambda p, t, s, i: decoder.apply({"params": p}, t, s, i))
        lengths = np.unique(np.linspace(prefix, prefix + answer - 1, 9).astype(int))
        times = []
        for length in lengths:
            row = np.zeros((1, length), np.int32)
            segments = np.where(np.arange(length) < prefix, 1, 2)[None].astype(np.int32)
            places = np.arange(length, dtype=np.int32)[None]
            times.append(_median(lambda r=row, s=segments, p=places: forward(params, r, s, p), 3))
        mean = np.trapezoid(times, lengths) / (lengths[-1] - lengths[0]) if len(lengths) > 1 else times[0]
        return float(mean * answer)

    def _limit(self, rows: int, prefix: int, answer: int, head: int) -> float:
        """Seconds that this machine needs at least: all products of the prefix at the measured peak; then for each id
        the larger of its products, and reading the weights and the rows' caches once.

        Args:
          head: rows of the head that an id needs.
        """
        c = self.model.run_config.model
        layers = c.layers * (4 * c.width**2 + 2 * c.width * c.mlp)
        filled = prefix + answer / 2  # on average
        attention = 4 * c.layers * c.width
        first = rows * prefix * (2 * layers + attention * prefix) / self.matmul
        products = rows * (2 * (layers + head * c.width) + attention * filled) / self.matmul
        read = 4 * (layers + head * c.width + 2 * rows * c.layers * c.width * filled) / self.read
        return first + answer * max(products, read)

    def _beside_reads(self, run: Callable[[], Any], repeats: int) -> float:
        """Median seconds of a call; `self.read` becomes the median of probes between them: on a shared machine, what
        memory gives changes quickly."""
        run()
        seconds, reads = [], []
        for _ in range(repeats):
            self.machine_read()
            reads.append(self.read)
            seconds.append(_median_of(run, 1))
        self.machine_read()
        self.read = statistics.median([*reads, self.read])
        return statistics.median(seconds)

    def _share(self, limit: Callable[[], float], seconds: float) -> float | None:
        return limit() / seconds if self.matmul and self.read else None

    def _sample(self, batch: int) -> Row:
        model, span = self.model, grammar.image(self.model.vocab, self.n)
        requests = [decoding.Request((self.prefix,), span, seed) for seed in range(batch)]
        seconds = self._beside_reads(lambda: decoding.generate(model.engine, requests, Sampler(top_k=70)), 3)
        baseline = self._uncached(PREFIX, self.n)
        share = self._share(lambda: self._limit(batch, PREFIX, self.n, model.vocab.image_size), seconds)
        return Row(f"sample_b{batch}", seconds / batch, "s/image", baseline, baseline / (seconds / batch), share)

    def sample_b1(self) -> Row:
        """One image's codes, against decoding without a cache."""
        return self._sample(1)

    def sample_b8(self) -> Row:
        """Eight images' codes at once, per image, against decoding without a cache."""
        return self._sample(8)

    def caption_48(self) -> Row:
        """A caption of 48 ids, greedy as captions are, against decoding without a cache."""
        model = self.model
        prefix = sequence.image_prefix(model.vocab, model.tokenizer, templates.CAPTION_PROMPT, self.codes[0])
        length = min(48, model.run_config.model.max_length - len(prefix))
        request = decoding.Request((prefix,), grammar.text(model.vocab, length))
        rows: list[int] = []

        def once() -> Any:
            out = decoding.generate(model.engine, [request], Sampler(temperature=0.0))
            rows.append(min(len(out[0]) + 1, length))
            return out

        seconds = self._beside_reads(once, REPEATS)
        decoded = rows[-1]  # a caption may end earlier: both sides are counted per id
        baseline = self._uncached(len(prefix), decoded)
        share = self._share(lambda: self._limit(1, len(prefix), decoded, model.vocab.text_size), seconds)
        return Row(
            "caption_48", seconds / decoded * 48, "s/caption", baseline / decoded * 48, baseline / seconds, share
        )

    def _face_prefixes(self, batch: int) -> list[tuple[int, ...]]:
        words = (self.model.vocab, self.model.tokenizer, templates.ATTRIBUTE_PROMPT)
        return [sequence.image_prefix(*words, codes) for codes in self.codes[:batch]]

    @property
    def _nodes(self) -> int:
        return len(scoring.tree(self.model.vocab, self.model.tokenizer, self.model.schema).tokens_N)

    def _attributes(self, batch: int) -> float:
        """Seconds of all attributes of `batch` faces."""
        model, prefixes = self.model, self._face_prefixes(batch)
        return _median(lambda: scoring.score_attributes(model.engine, model.tokenizer, prefixes, model.schema), 3)

    def attributes_b1(self) -> Row:
        """All attributes of one face, against a separate uncached answer (two forward passes) for each."""
        seconds, length = self._attributes(1), len(self._face_prefixes(1)[0])
        baseline = self._uncached(length + 4, 2) * len(self.model.schema)  # behind a question of some four ids
        share = self._share(lambda: self._limit(1, length + self._nodes, 0, 0), seconds)
        return Row("attributes_b1", seconds, "s/face", baseline, baseline / seconds, share)

    def attributes_b32(self) -> Row:
        """All attributes of 32 faces, per face; the baseline is what their prefills take by themselves."""
        engine, prefixes = self.model.engine, self._face_prefixes(32)
        ids, lengths = pad(prefixes, bucket(len(prefixes[0])))

        @jax.jit
        def prefill(params: Any, ids: Any, lengths: Any) -> Any:
            hidden, cache, _ = decoding.prefill(engine.decoder, engine.vocab, params, ids, lengths, ids.shape[1])
            return hidden[:, -1], cache

        alone = _median(lambda: prefill(engine.params, ids, lengths), 3) / 32
        seconds = self._attributes(32) / 32
        share = self._share(lambda: self._limit(1, len(prefixes[0]) + self._nodes, 0, 0), seconds)
        return Row("attributes_b32", seconds, "s/face", alone, alone / seconds, share)

    def cold_start(self) -> Row:
        """`t2f generate` from the command line to a saved PNG of one face, less what drawing takes by itself.

        The second run; the baseline is the first one, which compiles what the second finds.
        """
        model = self.model
        request = decoding.Request((self.prefix,), grammar.image(model.vocab, self.n))

        def draw() -> Any:
            return model.decode(model.vocab.codes(np.stack(decoding.generate(model.engine, [request], model.sampler))))

        drawing = _median(draw, 3)
        with tempfile.TemporaryDirectory() as folder:
            home = pathlib.Path(folder)
            bundle.save(home / "model", model.bundle)
            arguments = ["generate", "--model", str(home / "model"), "--text", "a face", "--n", "1", "--out", str(home)]
            environment = {**os.environ, "XDG_CACHE_HOME": str(home / "cache")}
            times = []
            for _ in range(2):
                start = time.perf_counter()
                subprocess.run(
                    [sys.executable, "-m", "t2f_jax.cli", *arguments], env=environment, check=True, **_SILENT
                )
                times.append(time.perf_counter() - start - drawing)
        return Row("cold_start", times[1], "s", times[0], times[0] / times[1])

    def _vqgan(self, job: str) -> Row:
        speed = vqgan.measure(job, self.peer, REPEATS)
        share = self._share(lambda: speed.flops / self.matmul, speed.seconds)
        return Row(f"vqgan_{job}", speed.seconds, "s/image", speed.peer_seconds, speed.ratio, share)

    def vqgan_encode(self) -> Row:
        """One image of 256 x 256 to codes, f16, against the peer; the limit is the convolutions' FLOPs."""
        return self._vqgan("encode")

    def vqgan_decode(self) -> Row:
        """Codes to one image of 256 x 256, f16, against the peer; the limit is the convolutions' FLOPs."""
        return self._vqgan("decode")


def run(
    model: pathlib.Path | None,
    out: pathlib.Path | None,
    only: str | None,
    peer: str | None = None,
    spec: str = "talk2face_base",
) -> Sequence[Row]:
    """Measures, prints a table, writes JSON if `out` is given.

    Args:
      model: a model folder; random weights of the config `spec` if None.
      only: the rows whose name holds this.
      peer: the command of a `peer.Peer`: what `vqgan_encode` and `vqgan_decode` are compared with.
    """
    bench = Bench(load(model) if model else Model(random_model(config.load(spec))), peer)
    chosen = [name for name in ROWS if not only or only in name or name.startswith("machine")]
    rows: list[Row] = []
    print(f"{'name':18} {'value':>10} {'unit':12} {'baseline':>10} {'ratio':>8} {'of limit':>9}")
    with Progress("bench", len(chosen), unit="row", quiet=True) as bar:
        for name in chosen:
            row = getattr(bench, name)()
            rows.append(row)
            bar.update(len(rows))
            numbers = [f"{v:.4g}" if v is not None else "-" for v in (row.value, row.baseline, row.ratio)]
            limit = f"{row.share_of_limit:.0%}" if row.share_of_limit is not None else "-"
            print(
                f"{row.name:18} {numbers[0]:>10} {row.unit:12} {numbers[1]:>10} {numbers[2]:>8} {limit:>9}", flush=True
            )
    if out:
        write_json(out, [dataclasses.asdict(row) for row in rows])
        print(f"written: {out}")
    return rows
