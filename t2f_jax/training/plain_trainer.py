"""The plain training step, a baseline for speed: one padded pair per row, logits at every place, XLA's attention.

The original trains this way. The loss is the same.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from t2f_jax.config.schema import DecoderRunConfig
from t2f_jax.models.decoder import apply_decoder
from t2f_jax.tokens.sequence import TASKS
from t2f_jax.training.decoder_trainer import Batch, DecoderTrainer, task_of_places, weights_of


def plain_config(config: DecoderRunConfig, remat: str = "none") -> DecoderRunConfig:
    """`config` without the options that the plain step lacks."""
    model = dataclasses.replace(config.model, attention="xla", remat=remat)
    return dataclasses.replace(config, model=model, pack=1, row_length=0, accumulate=1, vocab_multiple=1)


class PlainTrainer(DecoderTrainer):
    """`DecoderTrainer`, but it computes the logits of all places at once."""

    def _sums(self, params: Any, batch: Batch, key: jax.Array | None) -> jax.Array:
        rngs = None if key is None else {"dropout": key}
        inputs = (batch["tokens"], batch["segments"], batch["positions"], batch.get("documents"))
        logits = apply_decoder(self.decoder, params, *inputs, train=key is not None, rngs=rngs)
        chosen = jnp.take_along_axis(logits, batch["targets"][..., None], -1)[..., 0]
        nll = jax.nn.logsumexp(logits, -1) - chosen
        weights = weights_of(batch)
        target = (weights > 0).astype(jnp.float32)
        right = (chosen >= logits.max(-1)) * target
        sums = [jnp.sum(weights * nll), jnp.sum(right), jnp.sum(target)]
        for task in range(len(TASKS)):
            of_task = target * (task_of_places(batch) == task)
            sums += [jnp.sum(nll * of_task), jnp.sum(of_task)]
        return jnp.stack(sums)
