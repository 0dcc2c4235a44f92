"""The bench's rows: they are there, and its limits are limits."""

import dataclasses
import functools

import jax
import small_model

from t2f_jax.bench import decoding, run, vqgan
from t2f_jax.bench.subject import make_subject
from t2f_jax.config.schema import VQGANConfig
from t2f_jax.inference.model import Model
from t2f_jax.models.decoder import Decoder
from t2f_jax.models.params import init_decoder


def test_the_machines_rows_and_those_that_were_named(monkeypatch):
    measure, small = vqgan.measure, VQGANConfig(resolution=16, ch=8, ch_mult=(1, 2), attn_resolutions=())
    monkeypatch.setattr(vqgan, "measure", lambda *args: measure(*args, config=small))
    rows = list(run.measure(None, "vqgan_decode"))
    assert [r.name for r in rows] == ["machine_matmul", "machine_read", "vqgan_decode"]
    matmul, read, decode = (r.value for r in rows)
    assert 0.1 < matmul < 100_000 and 0.1 < read < 5000 and decode > 0  # GFLOP/s, GB/s, seconds: nothing folded away


def test_rows_fit_a_model_whose_images_have_positions_of_their_own(monkeypatch):
    """Words have less room there: prompts and captions become shorter, and nothing is refused."""
    model = small_model.make_bundle()
    decoder = dataclasses.replace(model.run_config.model, max_length=64, image_position=20)
    config = dataclasses.replace(model.run_config, model=decoder, sequence_length=44, text_length=20)
    params = init_decoder(Decoder(decoder, model.vocab.size), jax.random.key(1))
    subject = make_subject(Model(dataclasses.replace(model, run_config=config, params=params)))
    assert len(subject.prefix) == 20
    monkeypatch.setattr(decoding, "least_seconds", lambda *_: 1.0)  # it would measure the machine
    monkeypatch.setattr(subject.machine, "median_beside_reads", lambda work, _: work() and 1.0)
    for measure in (functools.partial(decoding.measure_sample, batch=1), decoding.measure_caption):
        assert measure(subject).value > 0
