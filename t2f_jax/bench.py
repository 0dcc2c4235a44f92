"""`t2f bench`: what this machine reaches, as ratios within one run.

Each row is a figure, the baseline measured beside it and the ratio of the two; where a physical limit is known
(measured matrix products, memory reads), the share of it that was reached. Axes: B rows, L length, n codes of an image.
"""

import dataclasses
import pathlib
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from t2f_jax import bundle, config, grammar, sampling, scoring, sequence, templates, text_tokenizer, vqgan_speed
from t2f_jax.files import write_json
from t2f_jax.image_tokenizer import ImageTokenizer
from t2f_jax.models.decoder import Decoder, stack_layers
from t2f_jax.models.vqgan import VQGAN
from t2f_jax.progress import Progress
from t2f_jax.sampler import Sampler
from t2f_jax.train_decoder import DecoderTrainer

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
)


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
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(run())
        times.append(time.perf_counter() - start)
    return statistics.median(times)


class Bench:
    """The measurements on one model; each method returns a `Row`."""

    def __init__(self, model: bundle.Model, peer: str | None = None):
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
        """A training step of four rows of all tasks; the limit is the model's FLOPs at the measured peak."""
        model, run = self.model, self.model.run_config
        trainer = DecoderTrainer(run, model.vocab, stack_layers(model.params))
        length = run.sequence_length
        pairs = [(templates.attribute_question(a.name), a.answers()[0]) for a in model.schema][:4]
        caption = sequence.to_caption(model.vocab, model.tokenizer, self.codes[0], "a face")
        made = sequence.to_attributes(model.vocab, model.tokenizer, self.codes[1], pairs)
        examples = [sequence.to_image(model.vocab, model.tokenizer, "a face", c) for c in self.codes[:2]] + [
            caption,
            made,
        ]
        batch = sequence.assemble(
            [sequence.fit(e, length) for e in examples], length, image_position=run.model.image_position
        )
        state = trainer.init(jax.random.key(0))
        step = jax.jit(trainer.step, donate_argnums=0)
        holder = [state]

        def once() -> Any:
            holder[0], metrics = step(holder[0], batch, jax.random.key(1))
            return metrics["loss"]

        seconds = _median(once)
        c = run.model
        weights = c.layers * (4 * c.width**2 + 2 * c.width * c.mlp) + model.vocab.size * c.width
        flops = 3 * 4 * length * (2 * weights + 4 * c.layers * length * c.width)
        return Row(
            "train_step_b4", 4 / seconds, "sequences/s", share_of_limit=self._share(flops / seconds, self.matmul)
        )

    def _uncached(self, prefix: int, answer: int) -> float:
        """Seconds of an answer decoded without a cache: a full forward pass for each id, integrated over 5 lengths."""
        decoder = Decoder(dataclasses.replace(self.model.run_config.model, scan=False), self.model.vocab.size)
        forward = jax.jit(lambda p, t, s, i: decoder.apply({"params": p}, t, s, i)[:, -1])  # type: ignore[index]
        lengths = np.linspace(prefix, prefix + answer - 1, 5).astype(int)
        times = []
        for length in lengths:
            row = np.zeros((1, length), np.int32)
            segments = np.where(np.arange(length) < prefix, 1, 2)[None].astype(np.int32)
            places = np.arange(length, dtype=np.int32)[None]
            times.append(_median(lambda r=row, s=segments, p=places: forward(self.model.params, r, s, p), 3))
        return float(np.trapezoid(times, lengths) / (lengths[-1] - lengths[0]) * answer)

    def _sample(self, batch: int) -> Row:
        model = self.model
        seconds = _median(
            lambda: sampling.generate(
                model.engine,
                [sampling.Request((self.prefix,), grammar.image(model.vocab, self.n), seed) for seed in range(batch)],
                Sampler(top_k=70),
            )
        )
        baseline = self._uncached(PREFIX, self.n)
        c = model.run_config.model
        read = 4 * (c.layers * (4 * c.width**2 + 2 * c.width * c.mlp) + model.vocab.image_size * c.width) * self.n
        return Row(
            f"sample_b{batch}",
            seconds / batch,
            "s/image",
            baseline,
            baseline / (seconds / batch),
            self._share(read / seconds, self.read) if batch == 1 else None,
        )

    def sample_b1(self) -> Row:
        """One image's codes, against decoding without a cache."""
        return self._sample(1)

    def sample_b8(self) -> Row:
        """Eight images' codes at once, per image, against decoding without a cache."""
        return self._sample(8)

    def caption_48(self) -> Row:
        """A caption of 48 ids, against decoding without a cache."""
        model = self.model
        prefix = sequence.image_prefix(model.vocab, model.tokenizer, templates.CAPTION_PROMPT, self.codes[0])
        length = min(48, model.run_config.model.max_length - len(prefix))
        rows: list[int] = []

        def once() -> Any:
            request = sampling.Request((prefix,), grammar.text(model.vocab, length))
            out = sampling.generate(model.engine, [request], Sampler())
            rows.append(min(len(out[0]) + 1, length))
            return out

        seconds = _median(once)
        decoded = rows[-1]  # a caption may end earlier: both sides are counted per id
        baseline = self._uncached(len(prefix), decoded)
        return Row("caption_48", seconds / decoded * 48, "s/caption", baseline / decoded * 48, baseline / seconds)

    def _attributes(self, batch: int) -> Row:
        model = self.model
        prefixes = [
            sequence.image_prefix(model.vocab, model.tokenizer, templates.ATTRIBUTE_PROMPT, c)
            for c in self.codes[:batch]
        ]
        seconds = _median(lambda: scoring.score_attributes(model.engine, model.tokenizer, prefixes, model.schema))
        baseline = self._uncached(len(prefixes[0]) + 4, 2) * len(model.schema)
        return Row(f"attributes_b{batch}", seconds / batch, "s/face", baseline, baseline / (seconds / batch))

    def attributes_b1(self) -> Row:
        """All attributes of one face, against a separate uncached answer (two forward passes) for each."""
        return self._attributes(1)

    def attributes_b32(self) -> Row:
        """All attributes of 32 faces, per face, against separate uncached answers."""
        return self._attributes(32)

    def _vqgan(self, job: str) -> Row:
        speed = vqgan_speed.measure(job, self.peer, REPEATS)
        share = self._share(speed.flops / speed.seconds, self.matmul)
        return Row(f"vqgan_{job}", speed.seconds, "s/image", speed.peer_seconds, speed.ratio, share)

    def vqgan_encode(self) -> Row:
        """One image of 256 x 256 to codes, f16, against the peer; the limit is the convolutions' FLOPs."""
        return self._vqgan("encode")

    def vqgan_decode(self) -> Row:
        """Codes to one image of 256 x 256, f16, against the peer; the limit is the convolutions' FLOPs."""
        return self._vqgan("decode")

    @staticmethod
    def _share(reached: float, limit: float) -> float | None:
        return reached / limit if limit else None


def random_model(loaded: config.Config) -> bundle.Model:
    """A model of a config's structure with random weights, which knows drawn faces' attributes."""
    from t2f_jax.data.synthetic import SCHEMA

    sentences = [f"{templates.attribute_question(a.name)} {v}" for a in SCHEMA for v in a.answers()]
    prompts = [templates.IMAGE_PROMPT, templates.CAPTION_PROMPT, templates.ATTRIBUTE_PROMPT, "a face"]
    words = text_tokenizer.train_sentencepiece(sentences + prompts, loaded.text.vocab_size)
    vq = loaded.image.model
    image = np.zeros((1, vq.resolution, vq.resolution, vq.in_channels), np.float32)
    vq_params = jax.jit(VQGAN(vq).init)(jax.random.key(0), image)["params"]
    vocab = text_tokenizer.vocab(words, vq.n_embed)
    row = np.zeros((1, 8), np.int32)
    decoder = Decoder(dataclasses.replace(loaded.decoder.model, scan=False), vocab.size)
    params = jax.jit(decoder.init)(jax.random.key(1), row, row, row)["params"]
    return bundle.Model(
        loaded.decoder, params, ImageTokenizer(vq, vq_params), words, SCHEMA, bundle.Preprocess(), {}, loaded.name
    )


def run(
    model: pathlib.Path | None, out: pathlib.Path | None, only: str | None, peer: str | None = None
) -> Sequence[Row]:
    """Measures, prints a table, writes JSON if `out` is given. Without a model: the quickstart's, random weights.

    `peer` is the command of a `peer.Peer`: what `vqgan_encode` and `vqgan_decode` are compared with.
    """
    bench = Bench(bundle.load(model) if model else random_model(config.load("quickstart")), peer)
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
