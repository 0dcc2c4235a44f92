"""The original's quirks as options: set together, changed one by one, and followed."""

import dataclasses

import jax
import numpy as np
from original_files import (
    SMALL,
    SMALL_VQGAN,
)

from t2f_jax.config.schema import DecoderRunConfig, Preprocess
from t2f_jax.convert import original, quirks
from t2f_jax.inference.sampler import Sampler, default_sampler
from t2f_jax.models.image_tokenizer import ImageTokenizer, fingerprint, to_unit
from t2f_jax.models.vqgan import VQGAN


def test_compat_sets_every_quirk_and_each_can_be_changed(pair, model):
    assert model.preprocess == Preprocess(1.0, "squash", "paper_double")
    assert model.run_config.loss_span == "all" and model.run_config.model.norm == "talk2face"
    assert model.run_config.optim.kind == "bert" and model.run_config.optim.schedule == "linear"
    assert default_sampler(model.provenance) == Sampler(temperature=1.0, top_k=70, top_p=1.0)
    assert original.read_pair(*pair, dataclasses.replace(SMALL, range="clip_double")).preprocess.range == "clip_double"
    plain = original.read_pair(*pair, dataclasses.replace(SMALL, compat=False))
    assert plain.preprocess == Preprocess() and plain.run_config.model.norm == "talk2face"
    assert plain.run_config.loss_span == DecoderRunConfig().loss_span and default_sampler(plain.provenance).top_k == 0
    text = quirks.explain()
    assert all(quirk.option in text and quirk.effect in text for quirk in quirks.QUIRKS)


def test_the_range_of_pixels_reaches_the_encoder(model):
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    x = images / np.float32(255)
    mean, std = np.array([0.48145466, 0.4578275, 0.40821073]), np.array([0.26862954, 0.26130258, 0.27577711])
    read = {"correct": 2 * x - 1, "paper_double": 2 * (2 * x - 1) - 1, "clip_double": 2 * (x - mean) / std - 1}
    vqgan, params = VQGAN(SMALL_VQGAN), model.image_tokenizer.params
    latent = jax.jit(lambda x: vqgan.apply({"params": params}, x, method="encode"))
    rows = [np.asarray(latent(pixels.astype(np.float32)))[0, 0] for pixels in read.values()]
    params = {**params, "quantize": {"embedding": np.concatenate([*rows, rows[0]])}}  # each range has its own codes
    for i, (name, pixels) in enumerate(read.items()):
        np.testing.assert_allclose(to_unit(images, name), pixels, atol=2e-6)
        codes = np.asarray(ImageTokenizer(SMALL_VQGAN, params, name).encode(images))
        assert codes[0, :4].tolist() == [4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 3]
    assert model.image_tokenizer.range == "paper_double"
    prints = {fingerprint(ImageTokenizer(SMALL_VQGAN, params, name)) for name in read}
    assert len(prints) == 3, "codes made under another range are another tokenizer's"
