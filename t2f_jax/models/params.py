"""Parameter trees: their shapes before there are arrays, and layers stacked or single."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from t2f_jax.config.schema import DecoderConfig, VQGANConfig
from t2f_jax.models.decoder import Decoder
from t2f_jax.models.vqgan import VQGAN


def abstract_vqgan(config: VQGANConfig) -> Any:
    """Shapes of the image tokenizer's parameters."""
    image = jax.ShapeDtypeStruct((1, config.resolution, config.resolution, config.in_channels), np.float32)
    return jax.eval_shape(VQGAN(config).init, jax.random.key(0), image)["params"]


def abstract_decoder(config: DecoderConfig, vocab_size: int) -> Any:
    """Shapes of the decoder's parameters, layers one by one."""
    row = jax.ShapeDtypeStruct((1, 8), np.int32)
    return jax.eval_shape(Decoder(config, vocab_size).init, jax.random.key(0), row, row, row)["params"]


def stack_layers(params: dict[str, Any]) -> dict[str, Any]:
    """{"layer_0": ..., "layer_1": ..., rest} -> {"layers": leaves with a leading layer axis, rest}; stacked passes."""
    if "layers" in params:
        return params
    names = sorted((k for k in params if k.startswith("layer_")), key=lambda k: int(k.removeprefix("layer_")))
    layers: Sequence[Any] = [params[name] for name in names]
    rest = {k: v for k, v in params.items() if k not in names}
    return {**rest, "layers": jax.tree.map(lambda *leaves: jnp.stack(leaves), *layers)}


def unstack_layers(params: dict[str, Any]) -> dict[str, Any]:
    """Inverse of `stack_layers`; single layers pass."""
    if "layers" not in params:
        return params
    count = jax.tree.leaves(params["layers"])[0].shape[0]
    rest = {k: v for k, v in params.items() if k != "layers"}
    singles = {f"layer_{i}": jax.tree.map(lambda leaf, i=i: leaf[i], params["layers"]) for i in range(count)}
    return {**rest, **singles}
