import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from vgg import thin_vgg

from t2f_jax.config.schema import ImageTokenizerConfig, OptimConfig, TokenizerLossConfig, TrainConfig, VQGANConfig
from t2f_jax.errors import UserError
from t2f_jax.models.image_tokenizer import ImageTokenizer, to_unit
from t2f_jax.tokens.attributes import Attribute
from t2f_jax.training.tokenizer_trainer import TokenizerTrainer

# One level only: half the time of these tests is compilation.
MODEL = VQGANConfig(
    resolution=16,
    patch=4,
    ch=32,
    ch_mult=(1,),
    num_res_blocks=0,
    attn_resolutions=(),
    z_channels=8,
    embed_dim=4,
    n_embed=32,
)
CONFIG = ImageTokenizerConfig(
    model=MODEL,
    loss=TokenizerLossConfig(revive_after=5),
    optim=OptimConfig(learning_rate=5e-3, warmup_steps=1),
    train=TrainConfig(steps=100, ema=0.9),
)


PALETTE = np.array([[230, 30, 40], [30, 200, 60], [40, 50, 220], [240, 240, 230], [20, 20, 25]], np.uint8)


def blobs(count, seed=0):
    """Images of one coloured square on a coloured ground."""
    rng = np.random.default_rng(seed)
    images = np.empty((count, 16, 16, 3), np.uint8)
    for image in images:
        ground, square = rng.choice(5, 2, replace=False)
        image[:] = PALETTE[ground]
        y, x = rng.integers(0, 3, 2) * 4
        image[y : y + 8, x : x + 8] = PALETTE[square]
    return images


class Run:
    """A trainer, jitted."""

    def __init__(self, config):
        self.trainer = TokenizerTrainer(config)
        self.init = jax.jit(self.trainer.init)
        self.jitted = jax.jit(self.trainer.step, donate_argnums=0)
        self.evaluate = jax.jit(self.trainer.evaluate)

    def step(self, state, images):
        return self.jitted(state, {"image": images}, jax.random.fold_in(jax.random.key(0), state.step))

    def train(self, state, steps):
        for _ in range(steps):
            state, metrics = self.step(state, blobs(16, int(state.step)))
        return state, metrics


@pytest.fixture(scope="module")
def plain():
    return Run(CONFIG)


def tree_equal(a, b):
    return jax.tree.all(jax.tree.map(lambda x, y: bool((np.asarray(x) == np.asarray(y)).all()), a, b))


def change(config, **loss):
    return dataclasses.replace(config, loss=dataclasses.replace(config.loss, **loss))


def test_learns_and_uses_its_codes(plain):
    state = plain.init(jax.random.key(0))
    test = {"image": blobs(32, 999)}
    first = plain.evaluate(state, test)
    state, metrics = plain.train(state, 100)
    last = plain.evaluate(state, test)
    assert last["loss"] < 0.3 * first["loss"]
    assert last["psnr"] > first["psnr"] + 5
    assert last["codebook_use"] > 0.5 and 1 < last["perplexity"] <= 32
    assert int(state.step) == 100 and all(np.isfinite(v) for v in metrics.values())


def test_step_compiles_once(plain):
    plain.train(plain.init(jax.random.key(0)), 3)
    assert plain.jitted._cache_size() == 1


def test_same_seed_same_bits_and_a_restored_state_goes_on_with_them(plain):
    straight, _ = plain.train(plain.init(jax.random.key(1)), 8)
    half, _ = plain.train(plain.init(jax.random.key(1)), 4)
    restored = jax.tree.map(lambda x: jnp.asarray(np.asarray(x).copy()), half)
    resumed, _ = plain.train(restored, 4)
    assert tree_equal(straight, resumed)


def test_first_step_puts_codes_on_encoder_outputs(plain):
    state = plain.init(jax.random.key(2))
    assert not bool(state.extra["codebook"].ready)
    params = jax.tree.map(np.asarray, state.params)
    images = blobs(16)
    z = jax.jit(lambda p, x: plain.trainer.model.apply({"params": p}, x, method="encode"))(params, to_unit(images))
    state, metrics = plain.step(state, images)
    codes = np.asarray(state.params["quantize"]["embedding"])  # one EMA step away from where they were placed
    distance = np.abs(codes[:, None] - np.asarray(z).reshape(1, -1, 4)).max(-1).min(1)
    assert distance.max() < 0.05 and bool(state.extra["codebook"].ready)
    assert metrics["codebook_use"] > 0.2


def test_padding_rows_do_not_count(plain):
    state, _ = plain.train(plain.init(jax.random.key(0)), 3)
    images = blobs(6, 5)
    padded = np.concatenate([images, np.full((2, 16, 16, 3), 255, np.uint8)])
    wanted = plain.evaluate(state, {"image": images})
    got = plain.evaluate(state, {"image": padded, "mask": np.arange(8) < 6})
    for name, value in wanted.items():
        np.testing.assert_allclose(got[name], value, rtol=1e-5, err_msg=name)


def test_codebook_by_gradient_learns_too():
    run = Run(change(CONFIG, codebook="gradient"))
    state = run.init(jax.random.key(0))
    state, first = run.step(state, blobs(16))
    state, last = run.train(state, 40)
    assert last["pixel"] < 0.5 * first["pixel"]


@pytest.mark.parametrize("codebook", ["ema", "gradient"])
def test_finer_scales_hold_what_coarser_ones_leave(codebook, plain):
    model = dataclasses.replace(MODEL, scales=(2, 4, 4))
    run = Run(dataclasses.replace(change(CONFIG, codebook=codebook), model=model))
    images, state = blobs(64), run.init(jax.random.key(0))
    for step in range(100):
        state, metrics = run.step(state, images[step % 4 * 16 :][:16])
    assert all(np.isfinite(v) for v in metrics.values())
    tokenizer = ImageTokenizer(model, run.trainer.export(state))
    codes = tokenizer.encode(images)
    assert codes.shape == (64, 2 * 2 + 4 * 4 + 4 * 4)

    def error(sides):
        """Of images whose codes are those of the first grids alone; code vectors of zero stand for the rest."""
        vectors = jnp.asarray(tokenizer.params["quantize"]["embedding"])
        known = np.arange(36) < sum(side**2 for side in sides)
        empty = {**tokenizer.params, "quantize": {"embedding": jnp.concatenate([vectors, jnp.zeros((1, 4))])}}
        decoded = ImageTokenizer(dataclasses.replace(model, n_embed=33), empty).decode(np.where(known, codes, 32))
        return np.square(np.asarray(decoded, np.float32) - images).mean()

    assert error((2, 4, 4)) < error((2, 4)) < error((2,))


def test_average_keeps_the_current_codes(plain):
    state, _ = plain.train(plain.init(jax.random.key(0)), 3)
    assert tree_equal(state.ema["quantize"], state.params["quantize"])
    assert not tree_equal(state.ema["decoder"], state.params["decoder"])


def test_discriminator_sets_in_at_its_step():
    run = Run(change(CONFIG, discriminator=0.5, discriminator_start=2, discriminator_ch=8, discriminator_layers=1))
    state = run.init(jax.random.key(0))
    start = jax.tree.map(np.asarray, state.extra["discriminator"]["params"])
    state, metrics = run.train(state, 2)
    assert tree_equal(start, state.extra["discriminator"]["params"]) and metrics["discriminator_weight"] == 0
    before = jax.tree.map(np.asarray, state.params)
    state, metrics = run.train(state, 1)
    assert not tree_equal(start, state.extra["discriminator"]["params"])
    assert 0 < metrics["discriminator_weight"] <= 0.5e4 and metrics["discriminator"] > 0
    assert not tree_equal(before["decoder"], state.params["decoder"])


def test_a_network_learns_labels_beside_it():
    colour = Attribute("colour", ("red", "green", "blue", "white", "black"))
    config = change(CONFIG, labels=0.1, labels_ch=8)
    with pytest.raises(UserError, match=r"image\.loss\.labels needs faces with labels"):
        TokenizerTrainer(config)
    trainer = TokenizerTrainer(config, [colour])
    state, step = jax.jit(trainer.init)(jax.random.key(0)), jax.jit(trainer.step, donate_argnums=0)
    history = []
    for i in range(60):
        images = blobs(16, i)
        ground = (images[:, -1, -1][:, None].astype(int) == PALETTE).all(-1).argmax(1)[:, None].astype(np.int32)
        batch = {"image": images, "choices": ground, "numbers": np.zeros((16, 0), np.float32)}
        state, metrics = step(state, batch, jax.random.key(i))
        history.append(metrics)
    first, last = history[0], history[-1]
    assert last["label_loss"] < 0.7 * first["label_loss"] and last["label_distance"] < 0.7 * first["label_distance"]
    sums = last["pixel"] + 0.1 * last["label_distance"] + config.loss.commitment * last["commitment"]
    np.testing.assert_allclose(last["loss"], sums, rtol=1e-5)
    found = jax.jit(trainer.evaluate)(state, {"image": blobs(16, 99)})
    np.testing.assert_allclose(found["loss"], found["pixel"] + 0.1 * found["label_distance"], rtol=1e-5)


@pytest.mark.parametrize("sides", [(4,), (2, 2, 4)])
def test_labels_are_read_from_all_grids_of_the_coarsest_side(sides):
    """The network's input is the sum of their codes' vectors."""
    config = change(dataclasses.replace(CONFIG, model=dataclasses.replace(MODEL, scales=sides)), code_labels=0.1)
    trainer = TokenizerTrainer(config, [Attribute("colour", ("red", "green"))])
    state, images = trainer.init(jax.random.key(0)), blobs(3)
    outputs, coded = trainer._forward(
        state.params, state.extra["codebook"], to_unit(images), jax.random.key(1), jax.random.key(2)
    )
    first = 2 * 2**2 if sides[0] == 2 else 4**2  # codes of the coarsest side
    vectors = np.asarray(coded.codebook)[np.asarray(coded.image_codes)[:, :first]]
    sums = vectors.reshape(3, -1, sides[0], sides[0], vectors.shape[-1]).sum(1)
    np.testing.assert_allclose(outputs.coarse, sums, atol=1e-5)


def test_codes_learn_to_tell_labels():
    """The labels are read off the codes alone, and their loss moves the encoder."""
    colour = Attribute("colour", ("red", "green", "blue", "white", "black"))
    batch = {"image": blobs(16), "numbers": np.zeros((16, 0), np.float32)}
    batch["choices"] = (batch["image"][:, -1, -1][:, None].astype(int) == PALETTE).all(-1).argmax(1)[:, None]
    encoders, losses = [], []
    for weight in (0.1, 0.2):
        trainer = TokenizerTrainer(change(CONFIG, code_labels=weight), [colour])
        state, step = jax.jit(trainer.init)(jax.random.key(0)), jax.jit(trainer.step)
        state, first = step(state, batch, jax.random.key(0))
        encoders.append(state.params["encoder"])
        for i in range(1, 40):
            state, last = step(state, batch, jax.random.key(i))
        losses.append((first["code_label_loss"], last["code_label_loss"]))
        sums = last["pixel"] + weight * last["code_label_loss"] + CONFIG.loss.commitment * last["commitment"]
        np.testing.assert_allclose(last["loss"], sums, rtol=1e-5)
    assert losses[0][0] == losses[1][0] and all(last < 0.5 * first for first, last in losses)
    assert not tree_equal(*encoders)


def test_the_perceptual_loss_is_read_used_and_named_when_broken(tmp_path):
    tensors = thin_vgg(np.random.default_rng(0))
    np.savez(tmp_path / "vgg.npz", **tensors)
    run = Run(change(CONFIG, perceptual_weights=str(tmp_path / "vgg.npz"), perceptual=0.1))
    metrics = run.evaluate(run.init(jax.random.key(0)), {"image": blobs(4)})
    assert metrics["perceptual"] > 0
    np.testing.assert_allclose(metrics["loss"], metrics["pixel"] + 0.1 * metrics["perceptual"], rtol=1e-5)

    del tensors["features.12.bias"]
    np.savez(tmp_path / "broken.npz", **tensors)
    with pytest.raises(UserError, match=r"broken\.npz: tensor 'features\.12\.bias'"):
        TokenizerTrainer(change(CONFIG, perceptual_weights=str(tmp_path / "broken.npz")))


def test_image_tokenizer_goes_from_uint8_to_codes_and_back(plain):
    state, _ = plain.train(plain.init(jax.random.key(0)), 10)
    tokenizer = ImageTokenizer(MODEL, state.weights)
    images = blobs(5, 77)
    codes = tokenizer.encode(images)
    assert codes.shape == (5, MODEL.tokens) and codes.dtype == jnp.int32
    out = tokenizer.decode(codes)
    assert out.shape == images.shape and out.dtype == jnp.uint8
    np.testing.assert_array_equal(out, tokenizer.reconstruct(images))
    error = np.square(np.asarray(out, float) - images).mean((1, 2, 3))
    psnr = plain.evaluate(state, {"image": images})["psnr"]
    np.testing.assert_allclose((10 * np.log10(255**2 / error)).mean(), psnr, atol=0.05)
