"""What one training step of the image tokenizer computes: losses, gradients, codebook, discriminator, metrics.

Axes: B batch, R pixels of a side, G side of the code grid, E code width, K codes of the codebook.
"""

import dataclasses
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import optax

from t2f_jax.config.schema import ImageTokenizerConfig
from t2f_jax.errors import UserError
from t2f_jax.io.weights import load_tensors
from t2f_jax.models import lpips, quantizer
from t2f_jax.models.discriminator import PatchDiscriminator
from t2f_jax.models.image_tokenizer import to_unit
from t2f_jax.models.params import init_vqgan
from t2f_jax.models.vqgan import VQGAN
from t2f_jax.training import image_losses, optim, state
from t2f_jax.training.state import State


class TokenizerTrainer:
    """The image tokenizer's side of `loop.run`.

    A batch is {"image": uint8 [B, R, R, 3]}; `evaluate` also takes "mask" bool [B], False for rows that only fill up
    the batch. `State.extra` holds "codebook" (`quantizer.Codebook`) and, if there is one, "discriminator": its
    parameters and the state of its optimizer.
    """

    def __init__(self, config: ImageTokenizerConfig, start: Any = None) -> None:
        """`start`: parameters to begin with, codes included, instead of random ones.

        Raises:
          UserError: the perceptual weights file is missing or lacks a tensor.
        """
        self.config = config
        self.model = VQGAN(config.model, jnp.dtype(config.train.compute_dtype))
        self.optimizer = optim.make(config.optim, config.train.steps, _decays)
        self.start = start
        self.perceptual = _perceptual_weights(config.loss.perceptual_weights)
        self.discriminator = None
        if config.loss.discriminator > 0:
            self.discriminator = PatchDiscriminator(config.loss.discriminator_ch, config.loss.discriminator_layers)
            steps = max(config.train.steps - config.loss.discriminator_start, 1)
            self.discriminator_optimizer = optim.make(config.optim, steps)

    def init(self, key: jax.Array) -> State:
        """The state before the first step. The codes of a new tokenizer find their places in that step."""
        c = self.config.model
        model_key, discriminator_key = jax.random.split(key)
        if self.start is None:
            params, codebook = init_vqgan(c, model_key), quantizer.fresh(c.n_embed, c.embed_dim)
        else:
            params, codebook = self.start, quantizer.adopt(self.start["quantize"]["embedding"])
        extra: dict[str, Any] = {"codebook": codebook}
        if self.discriminator:
            image = jnp.zeros((1, c.resolution, c.resolution, c.in_channels))
            weights = self.discriminator.init(discriminator_key, image)["params"]
            extra["discriminator"] = {"params": weights, "opt_state": self.discriminator_optimizer.init(weights)}
        return state.create(params, self.optimizer, self.config.train.ema, extra)

    def step(self, state_: State, batch: dict[str, jax.Array], key: jax.Array) -> tuple[State, dict[str, jax.Array]]:
        """One update; `key` is the step's own (dropout, and the encoder outputs on which codes are placed).

        Metrics: loss (what is minimized) and its parts pixel, perceptual, commitment, adversarial; psnr in dB;
        codebook_use, perplexity, revived (codes moved); discriminator, its loss; discriminator_weight; grad_norm.
        """
        c = self.config.loss
        dropout_key, rows_key = jax.random.split(key)
        image = to_unit(batch["image"])

        def forward(params: Any) -> Any:
            return self._forward(params, state_.extra["codebook"], image, dropout_key, rows_key)

        (recon, latent), backward, aux = jax.vjp(forward, state_.params, has_aux=True)
        stats, codebook, z, codes = aux["stats"], aux["codebook"], aux["z"], aux["codes"]
        # The losses of the image are differentiated up to the image; one backward pass takes their sum from there.
        (loss, metrics), pull = jax.value_and_grad(self._image_loss, has_aux=True)(recon, image)
        extra = dict(state_.extra)
        if self.discriminator:
            extra["discriminator"], adversarial_pull, numbers = self._adversarial(state_, forward, image, recon, pull)
            pull, metrics = pull + adversarial_pull, metrics | numbers
            loss = loss + numbers["adversarial"]
        (grads,) = backward((pull, jnp.ones_like(latent)))

        params = _with_codes(state_.params, codebook)
        updates, opt_state = self.optimizer.update(grads, state_.opt_state, params)
        params: Any = optax.apply_updates(params, updates)
        stats, averaged = quantizer.observe(stats, codebook, z, codes, c.codebook_decay)
        codebook = averaged if c.codebook == "ema" else params["quantize"]["embedding"]
        if c.revive_after:
            stats, codebook, moved = quantizer.revive(stats, codebook, aux["rows"], c.revive_after)
            metrics["revived"] = moved.sum().astype(jnp.float32)
        params = _with_codes(params, codebook)
        extra["codebook"] = stats
        ema = state.ema_update(state_.ema, params, state_.step, self.config.train.ema)
        if (
            ema is not None
        ):  # codes are averages already, and one that has moved must not be averaged with its old place
            ema = _with_codes(ema, codebook)
        metrics |= quantizer.usage(codes.reshape(image.shape[0], -1), self.config.model.n_embed)
        metrics |= {
            "loss": loss + latent,
            "commitment": aux["commitment"],
            "psnr": image_losses.pixel_psnr(recon, image).mean(),
            "grad_norm": optax.global_norm(grads),
            "images": jnp.float32(len(image)),  # for the loop to make a rate of
        }
        new = dataclasses.replace(
            state_, step=state_.step + 1, params=params, opt_state=opt_state, ema=ema, extra=extra
        )
        return new, metrics

    def evaluate(self, state_: State, batch: dict[str, jax.Array]) -> dict[str, jax.Array]:
        """Means over the batch's real rows under the averaged weights.

        loss (pixel, and perceptual if there is one), pixel, psnr in dB, codebook_use, perplexity.
        """
        image = to_unit(batch["image"])
        real = batch["mask"].astype(jnp.float32) if "mask" in batch else jnp.ones(image.shape[0])
        recon, _, codes = self.model.apply({"params": state_.weights}, image)  # type: ignore[misc]
        loss, metrics = self._image_loss(recon, image, real)
        return {
            **metrics,
            "loss": loss,
            "psnr": _mean(image_losses.pixel_psnr(recon, image), real),
            **quantizer.usage(codes, self.config.model.n_embed, real),
        }

    def export(self, state_: State) -> Any:
        """The parameters to ship: the averaged ones."""
        return state_.weights

    def _forward(self, params: Any, stats: quantizer.Codebook, image: jax.Array, dropout: jax.Array, pick: jax.Array):
        """-> ((reconstruction, loss of the code vectors), everything else that the step needs)."""
        c = self.config

        def run(method: str, *args: Any) -> Any:
            return self.model.apply({"params": params}, *args, train=True, method=method, rngs={"dropout": dropout})

        z_BxGxGxE = run("encode", image)
        fixed_MxE = jax.lax.stop_gradient(z_BxGxGxE).reshape(-1, c.model.embed_dim)
        rows_KxE = quantizer.sample_rows(pick, fixed_MxE, c.model.n_embed)  # where codes are placed, now or when dead
        stats, codebook = quantizer.place(stats, params["quantize"]["embedding"], rows_KxE)
        codes_M = quantizer.nearest(fixed_MxE, jax.lax.stop_gradient(codebook))
        vectors = codebook[codes_M].reshape(z_BxGxGxE.shape)
        commitment = jnp.square(z_BxGxGxE - jax.lax.stop_gradient(vectors)).mean()
        latent = c.loss.commitment * commitment
        if c.loss.codebook == "gradient":
            latent += jnp.square(jax.lax.stop_gradient(z_BxGxGxE) - vectors).mean()
        recon = run("decode", quantizer.straight_through(z_BxGxGxE, vectors))
        codebook = jax.lax.stop_gradient(codebook)
        aux = {"stats": stats, "codebook": codebook, "z": fixed_MxE, "rows": rows_KxE, "codes": codes_M}
        return (recon, latent), {**aux, "commitment": commitment}

    def _image_loss(
        self, recon: jax.Array, image: jax.Array, real: jax.Array | None = None
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """Pixel and perceptual loss and their names; `real` fp32 [B], 0 leaves a row out."""
        real = jnp.ones(image.shape[0]) if real is None else real
        loss = _mean(image_losses.pixel_loss(recon, image, self.config.loss.pixel), real)
        metrics = {"pixel": loss}
        if self.perceptual:
            metrics["perceptual"] = _mean(lpips.distance(self.perceptual, recon, image), real)
            loss = loss + self.config.loss.perceptual * metrics["perceptual"]
        return loss, metrics

    def _adversarial(self, state_: State, forward: Any, image: jax.Array, recon: jax.Array, pull: jax.Array):
        """The discriminator's side of a step; nothing but zeros before `discriminator_start`.

        Returns:
          ({"params", "opt_state"} of the discriminator after the step, the gradient of the weighted adversarial loss
          with respect to `recon`, metrics).
        """
        assert self.discriminator
        c, discriminator, old = self.config.loss, self.discriminator, state_.extra["discriminator"]

        def logits(params: Any, x: jax.Array) -> Any:
            return discriminator.apply({"params": params}, x)

        def at_last_kernel(kernel: jax.Array) -> jax.Array:
            decoder = state_.params["decoder"]
            last = {**decoder["conv_out"], "kernel": kernel}
            return forward({**state_.params, "decoder": {**decoder, "conv_out": last}})[0][0]

        # The forward pass of this vjp is the step's own, which XLA computes once; its backward is one convolution.
        _, to_last_kernel = jax.vjp(at_last_kernel, state_.params["decoder"]["conv_out"]["kernel"])

        def active(_: None) -> Any:
            fooling, push = jax.value_and_grad(lambda x: image_losses.hinge_generator(logits(old["params"], x)))(recon)
            weight = c.discriminator * image_losses.adaptive_weight(to_last_kernel(pull)[0], to_last_kernel(push)[0])

            def telling(params: Any) -> jax.Array:
                return image_losses.hinge_discriminator(logits(params, image), logits(params, recon))

            loss, grads = jax.value_and_grad(telling)(old["params"])
            updates, opt_state = self.discriminator_optimizer.update(grads, old["opt_state"], old["params"])
            new = {"params": optax.apply_updates(old["params"], updates), "opt_state": opt_state}
            return (
                new,
                weight * push,
                {
                    "adversarial": weight * fooling,
                    "discriminator": loss,
                    "discriminator_weight": weight,
                },
            )

        def asleep(_: None) -> Any:
            zero = jnp.zeros(())
            return (
                old,
                jnp.zeros_like(recon),
                dict.fromkeys(("adversarial", "discriminator", "discriminator_weight"), zero),
            )

        return jax.lax.cond(state_.step >= c.discriminator_start, active, asleep, None)


def _perceptual_weights(path: str) -> lpips.Weights | None:
    """The weights in the file that `image.loss.perceptual_weights` names; None if it names none."""
    if not path:
        return None
    tensors = load_tensors(pathlib.Path(path))
    try:
        return lpips.from_tensors(tensors)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _mean(values: jax.Array, weights: jax.Array) -> jax.Array:
    return jnp.sum(values * weights) / jnp.maximum(jnp.sum(weights), 1)


def _with_codes(params: Any, codebook: jax.Array) -> Any:
    return {**params, "quantize": {"embedding": codebook}}


def _decays(params: Any) -> Any:
    """Weight decay for kernels, never for codes: their place is where the encoder's outputs are."""
    mask = optim.weights_only(params)
    return {**mask, "quantize": {"embedding": False}}
