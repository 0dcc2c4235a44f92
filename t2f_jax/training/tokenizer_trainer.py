"""What one training step of the image tokenizer computes: losses, gradients, codebook, discriminator, metrics.

Axes: B batch, R pixels of a side, G side of the finest grid of codes, N codes of an image, M code positions of a batch,
E code width, K codes of the codebook.
"""

import dataclasses
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from t2f_jax.config.schema import ImageTokenizerConfig
from t2f_jax.errors import UserError
from t2f_jax.io.weights import load_tensors
from t2f_jax.models import lpips, quantizer, scales
from t2f_jax.models.discriminator import PatchDiscriminator
from t2f_jax.models.image_tokenizer import to_unit
from t2f_jax.models.params import init_vqgan
from t2f_jax.models.quantizer import Codebook
from t2f_jax.models.vqgan import VQGAN
from t2f_jax.tokens.attributes import Attribute
from t2f_jax.training import image_losses, optim
from t2f_jax.training.label_losses import LabelLosses
from t2f_jax.training.state import State, create_state, update_ema

Numbers = dict[str, jax.Array]  # name -> float32 scalar


class Coded(NamedTuple):
    """A forward pass's results about the codes, for the rest of the step."""

    stats: Codebook  # of the codebook below
    codebook: jax.Array  # [K, E], placed on encoder outputs if this is the first step
    inputs: jax.Array  # [M, E], the vectors that codes were chosen for: the encoder's outputs, or their residuals
    rows: jax.Array  # [K, E], some of these, onto which unused codes may move
    image_codes: jax.Array  # int32 [B, N]
    codes: jax.Array  # int32 [M], the same in the order of `inputs`
    commitment: jax.Array  # scalar


class Outputs(NamedTuple):
    """The outputs of a forward pass that are differentiated."""

    recon: jax.Array  # [B, R, R, 3]
    latent: jax.Array  # scalar, the loss of the code vectors
    coarse: jax.Array | None  # [B, S, S, E], the coarsest codes' vectors, if a network predicts labels from them


Forward = Callable[[Any], tuple[Outputs, Coded]]


class TokenizerTrainer:
    """The image tokenizer as `program.Trainer`.

    A batch is {"image": uint8 [B, R, R, 3]}, and with `loss.labels` or `loss.code_labels` the faces'
    "choices" and "numbers" (`tokens.targets.targets`); `evaluate` also takes "mask" bool [B], False for rows that only
    pad the batch. `State.extra` holds "codebook" (`quantizer.Codebook`) and, if used, "labels", "code_labels" and
    "discriminator": a network's parameters and the state of its optimizer.
    """

    def __init__(self, config: ImageTokenizerConfig, schema: Sequence[Attribute] = ()) -> None:
        """Prepares a run of this config.

        Args:
          schema: the attributes of the faces, for `loss.labels` and `loss.code_labels`.

        Raises:
          UserError: the perceptual weights file is missing or lacks a tensor; a label loss without any attribute.
        """
        self.config = config
        self.model = VQGAN(config.model, jnp.dtype(config.train.compute_dtype))
        self.optimizer = optim.make(config.optim, config.train.steps, _decays)
        self.perceptual = _perceptual_weights(config.loss.perceptual_weights)
        self.labels = LabelLosses(config, schema)
        self.discriminator = None
        if config.loss.discriminator > 0:
            self.discriminator = PatchDiscriminator(config.loss.discriminator_ch, config.loss.discriminator_layers)
            steps = max(config.train.steps - config.loss.discriminator_start, 1)
            self.discriminator_optimizer = optim.make(config.optim, steps)

    def init(self, key: jax.Array) -> State:
        """The state before the first step, in which the codes are placed on encoder outputs."""
        c = self.config.model
        model_key, discriminator_key = jax.random.split(key)
        params = init_vqgan(c, model_key)
        image = jnp.zeros((1, c.resolution, c.resolution, c.in_channels))
        extra = {"codebook": quantizer.fresh(c.n_embed, c.embed_dim), **self.labels.init(key, image)}
        if self.discriminator:
            weights = self.discriminator.init(discriminator_key, image)["params"]
            extra["discriminator"] = {"params": weights, "opt_state": self.discriminator_optimizer.init(weights)}
        return create_state(params, self.optimizer, self.config.train.ema, extra)

    def step(self, state: State, batch: dict[str, jax.Array], key: jax.Array) -> tuple[State, Numbers]:
        """One update; `key` is the step's own (dropout, and the encoder outputs on which codes are placed).

        Metrics: loss (what is minimized) and its parts pixel, perceptual, label_distance, commitment, adversarial; psnr
        in dB; codebook_use, perplexity, revived (codes moved); label_loss and code_label_loss, those of the networks
        that predict labels; discriminator, its loss; discriminator_weight; grad_norm.
        """
        dropout_key, rows_key = jax.random.split(key)
        image = to_unit(batch["image"])

        def forward(params: Any) -> tuple[Outputs, Coded]:
            return self._forward(params, state.extra["codebook"], image, dropout_key, rows_key)

        (recon, latent, coarse), backward, coded = jax.vjp(forward, state.params, has_aux=True)
        # The losses on the reconstruction are differentiated up to it; one backward pass continues with their sum.
        (loss, metrics), pull = jax.value_and_grad(self._image_loss, has_aux=True)(recon, image)
        learned = self.labels.step(state.extra, batch, image, recon, coarse, dropout_key)
        extra, loss, metrics = {**state.extra, **learned.extra}, loss + learned.loss, metrics | learned.metrics
        if learned.by_recon is not None:
            pull = pull + learned.by_recon
        if self.discriminator:
            extra["discriminator"], push, numbers = self._adversarial(state, forward, image, recon, pull)
            pull, loss, metrics = pull + push, loss + numbers["adversarial"], metrics | numbers
        (grads,) = backward(Outputs(pull, jnp.ones_like(latent), learned.by_codes))
        new, revived = self._update(dataclasses.replace(state, extra=extra), grads, coded)
        metrics |= revived | quantizer.usage(coded.image_codes, self.config.model.n_embed)
        return new, metrics | {
            "loss": loss + latent,
            "commitment": coded.commitment,
            "psnr": image_losses.pixel_psnr(recon, image).mean(),
            "grad_norm": optax.global_norm(grads),
            "images": jnp.float32(len(image)),  # for the loop to compute a rate
        }

    def _update(self, state: State, grads: Any, coded: Coded) -> tuple[State, Numbers]:
        """The state after the updates of parameters and codebook; {"revived": number of moved codes} if enabled."""
        c = self.config.loss
        params = _with_codes(state.params, coded.codebook)
        updates, opt_state = self.optimizer.update(grads, state.opt_state, params)
        params: Any = optax.apply_updates(params, updates)
        stats, averaged = quantizer.observe(coded.stats, coded.codebook, coded.inputs, coded.codes, c.codebook_decay)
        codebook = averaged if c.codebook == "ema" else params["quantize"]["embedding"]
        numbers: Numbers = {}
        if c.revive_after:
            stats, codebook, moved = quantizer.revive(stats, codebook, coded.rows, c.revive_after)
            numbers["revived"] = moved.sum().astype(jnp.float32)
        params = _with_codes(params, codebook)
        ema = update_ema(state.ema, params, state.step, self.config.train.ema)
        if ema is not None:
            # Codes are averages already, and a moved one must not be averaged with its old place.
            ema = _with_codes(ema, codebook)
        extra = {**state.extra, "codebook": stats}
        new = State(state.step + 1, params, opt_state, ema, extra)
        return new, numbers

    def evaluate(self, state: State, batch: dict[str, jax.Array]) -> Numbers:
        """Means over the batch's real rows under the averaged weights.

        loss (pixel, and perceptual and label_distance if used), pixel, psnr in dB, codebook_use, perplexity.
        """
        image = to_unit(batch["image"])
        real = batch["mask"].astype(jnp.float32) if "mask" in batch else jnp.ones(image.shape[0])
        recon, _, codes = self.model.apply({"params": state.weights}, image)  # type: ignore[misc]
        loss, metrics = self._image_loss(recon, image, real)
        if (distance := self.labels.distance(state.extra, recon, image)) is not None:
            metrics["label_distance"] = _mean(distance, real)
            loss += self.config.loss.labels * metrics["label_distance"]
        return {
            **metrics,
            "loss": loss,
            "psnr": _mean(image_losses.pixel_psnr(recon, image), real),
            **quantizer.usage(codes, self.config.model.n_embed, real),
        }

    def export(self, state: State) -> Any:
        """The parameters to export: the averaged ones."""
        return state.weights

    def _forward(
        self, params: Any, stats: Codebook, image: jax.Array, dropout_key: jax.Array, rows_key: jax.Array
    ) -> tuple[Outputs, Coded]:
        """-> (what is differentiated, what else the step needs)."""
        c = self.config

        def apply(method: str, *args: Any) -> Any:
            rngs = {"dropout": dropout_key}
            return self.model.apply({"params": params}, *args, train=True, method=method, rngs=rngs)

        z_BxGxGxE = apply("encode", image)
        coarsest_MxE = scales.pool(jax.lax.stop_gradient(z_BxGxGxE), c.model.grids[0]).reshape(-1, c.model.embed_dim)
        first_KxE = quantizer.sample_rows(rows_key, coarsest_MxE, c.model.n_embed)
        stats, codebook = quantizer.place(stats, params["quantize"]["embedding"], first_KxE)
        chosen = scales.quantize(z_BxGxGxE, codebook, c.model.grids)
        rows_KxE = quantizer.sample_rows(rows_key, chosen.inputs_MxE, c.model.n_embed)

        def distance(z: jax.Array, vectors: Callable[[jax.Array], jax.Array]) -> jax.Array:
            return jnp.stack([jnp.square(z - vectors(s)).mean() for s in chosen.sums]).mean()

        commitment = distance(z_BxGxGxE, jax.lax.stop_gradient)
        latent = c.loss.commitment * commitment
        if c.loss.codebook == "gradient":
            latent += distance(jax.lax.stop_gradient(z_BxGxGxE), lambda vectors: vectors)
        recon = apply("decode", quantizer.straight_through(z_BxGxGxE, chosen.sums[-1]))
        coarse = None
        if self.labels.read_codes:
            side = c.model.grids[0]
            sums = chosen.sums[c.model.grids.count(side) - 1]  # of all grids of this side
            coarse = quantizer.straight_through(scales.pool(z_BxGxGxE, side), scales.pool(sums, side))
        codebook = jax.lax.stop_gradient(codebook)
        coded = Coded(stats, codebook, chosen.inputs_MxE, rows_KxE, chosen.codes_BxN, chosen.codes_M, commitment)
        return Outputs(recon, latent, coarse), coded

    def _image_loss(
        self, recon: jax.Array, image: jax.Array, real: jax.Array | None = None
    ) -> tuple[jax.Array, Numbers]:
        """Pixel and perceptual loss, their sum first; `real` fp32 [B], 0 leaves a row out."""
        real = jnp.ones(image.shape[0]) if real is None else real
        loss = _mean(image_losses.pixel_loss(recon, image, self.config.loss.pixel), real)
        metrics = {"pixel": loss}
        if self.perceptual:
            metrics["perceptual"] = _mean(lpips.distance(self.perceptual, recon, image), real)
            loss = loss + self.config.loss.perceptual * metrics["perceptual"]
        return loss, metrics

    def _adversarial(
        self, state: State, forward: Forward, image: jax.Array, recon: jax.Array, pull: jax.Array
    ) -> tuple[dict[str, Any], jax.Array, Numbers]:
        """The discriminator's part of a step; only zeros before `discriminator_start`.

        Args:
          pull: the gradient of the image's other losses with respect to `recon`.

        Returns:
          {"params", "opt_state"} of the discriminator after the step, the gradient of the weighted adversarial loss
          with respect to `recon`, metrics.
        """
        c, old = self.config.loss, state.extra["discriminator"]
        to_last_kernel = _gradient_of_last_kernel(forward, state.params)

        def active(_: None) -> tuple[dict[str, Any], jax.Array, Numbers]:
            def fool(x: jax.Array) -> jax.Array:
                return image_losses.hinge_generator(self._logits(old["params"], x))

            fooling, push = jax.value_and_grad(fool)(recon)
            weight = c.discriminator * image_losses.adaptive_weight(to_last_kernel(pull), to_last_kernel(push))
            new, loss = self._train_discriminator(old, image, recon)
            numbers = {"adversarial": weight * fooling, "discriminator": loss, "discriminator_weight": weight}
            return new, weight * push, numbers

        def inactive(_: None) -> tuple[dict[str, Any], jax.Array, Numbers]:
            names = ("adversarial", "discriminator", "discriminator_weight")
            return old, jnp.zeros_like(recon), dict.fromkeys(names, jnp.zeros(()))

        return jax.lax.cond(state.step >= c.discriminator_start, active, inactive, None)

    def _train_discriminator(
        self, old: dict[str, Any], image: jax.Array, recon: jax.Array
    ) -> tuple[dict[str, Any], jax.Array]:
        """One update to distinguish `image` from `recon`: {"params", "opt_state"} after it, and the loss."""

        def loss_of(params: Any) -> jax.Array:
            return image_losses.hinge_discriminator(self._logits(params, image), self._logits(params, recon))

        loss, grads = jax.value_and_grad(loss_of)(old["params"])
        updates, opt_state = self.discriminator_optimizer.update(grads, old["opt_state"], old["params"])
        return {"params": optax.apply_updates(old["params"], updates), "opt_state": opt_state}, loss

    def _logits(self, params: Any, x: jax.Array) -> Any:
        assert self.discriminator
        return self.discriminator.apply({"params": params}, x)


def _gradient_of_last_kernel(forward: Forward, params: Any) -> Callable[[jax.Array], jax.Array]:
    """A function from the gradient by the reconstruction to the gradient by the decoder's last kernel.

    The forward pass of its vjp is the step's own, which XLA computes once; its backward pass is one convolution.
    """

    def reconstruct(kernel: jax.Array) -> jax.Array:
        decoder = params["decoder"]
        last = {**decoder["conv_out"], "kernel": kernel}
        return forward({**params, "decoder": {**decoder, "conv_out": last}})[0].recon

    _, backward = jax.vjp(reconstruct, params["decoder"]["conv_out"]["kernel"])
    return lambda pull: backward(pull)[0]


def _perceptual_weights(path: str) -> lpips.Weights | None:
    """The weights in the file that `image.loss.perceptual_weights` names; None if it names none."""
    if not path:
        return None
    tensors = load_tensors(pathlib.Path(os.path.expanduser(path)), lpips.is_needed)
    try:
        return lpips.from_tensors(tensors)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _mean(values: jax.Array, weights: jax.Array) -> jax.Array:
    return jnp.sum(values * weights) / jnp.maximum(jnp.sum(weights), 1)


def _with_codes(params: Any, codebook: jax.Array) -> Any:
    return {**params, "quantize": {"embedding": codebook}}


def _decays(params: Any) -> Any:
    """Weight decay for kernels, never for codes: they must stay near the encoder's outputs."""
    mask = optim.weights_only(params)
    return {**mask, "quantize": {"embedding": False}}
