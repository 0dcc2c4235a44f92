"""Parameter trees: initialization, shapes without arrays, and layers stacked or single."""

import dataclasses
import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import traverse_util

from t2f_jax.config.schema import DecoderConfig, VQGANConfig
from t2f_jax.models.decoder import Decoder
from t2f_jax.models.vqgan import VQGAN


def init_decoder(decoder: Decoder, key: jax.Array) -> Any:
    """Initial parameters of a decoder, float32; layers are stacked if `decoder.stacked`."""
    row = jnp.zeros((1, 8), jnp.int32)  # any length: parameter shapes depend neither on it nor on the attention kernel
    plain = decoder.clone(config=dataclasses.replace(decoder.config, attention="xla"))
    return plain.init(key, row, row, row)["params"]


def abstract_decoder(config: DecoderConfig, vocab_size: int) -> Any:
    """Shapes of a decoder's parameters, with single layers."""
    return jax.eval_shape(functools.partial(init_decoder, Decoder(config, vocab_size)), jax.random.key(0))


def abstract_vqgan(config: VQGANConfig) -> Any:
    """Shapes of the image tokenizer's parameters."""
    image = jax.ShapeDtypeStruct((1, config.resolution, config.resolution, config.in_channels), jnp.float32)
    return jax.eval_shape(VQGAN(config).init, jax.random.key(0), image)["params"]


def init_vqgan(config: VQGANConfig, key: jax.Array) -> Any:
    """Initial parameters of a VQGAN, float32, from the same distributions as `VQGAN.init` (but other numbers).

    All tensors are cut from one random array. Drawing each separately, as `init` does, takes XLA long to compile on a
    CPU.
    """
    shapes: dict[tuple[str, ...], Any] = traverse_util.flatten_dict(abstract_vqgan(config))  # type: ignore[assignment]
    bounds = {}  # a tensor is uniform within +-bound
    for path, leaf in shapes.items():
        if path[-1] == "kernel":
            bounds[path] = math.prod(leaf.shape[:-1]) ** -0.5
        elif path[-1] == "embedding":
            bounds[path] = 1 / leaf.shape[0]
    draw = jax.random.uniform(key, (sum(shapes[path].size for path in bounds),), minval=-1.0)
    params, start = {}, 0
    for path, leaf in shapes.items():
        if path in bounds:
            params[path] = draw[start : start + leaf.size].reshape(leaf.shape) * bounds[path]
            start += leaf.size
        else:
            params[path] = jnp.full(leaf.shape, path[-1] == "scale", leaf.dtype)
    return traverse_util.unflatten_dict(params)


def stack_layers(params: dict[str, Any]) -> dict[str, Any]:
    """{"layer_0": ..., "layer_1": ..., rest} -> {"layers": leaves with a leading layer axis, rest}, if not stacked."""
    if "layers" in params:
        return params
    names = sorted((k for k in params if k.startswith("layer_")), key=lambda k: int(k.removeprefix("layer_")))
    layers = [params[name] for name in names]
    rest = {k: v for k, v in params.items() if k not in names}
    return {**rest, "layers": jax.tree.map(lambda *leaves: jnp.stack(leaves), *layers)}


def unstack_layers(params: dict[str, Any]) -> dict[str, Any]:
    """Inverse of `stack_layers`; single layers stay the same."""
    if "layers" not in params:
        return params
    count = jax.tree.leaves(params["layers"])[0].shape[0]
    rest = {k: v for k, v in params.items() if k != "layers"}
    singles = {f"layer_{i}": jax.tree.map(lambda leaf, i=i: leaf[i], params["layers"]) for i in range(count)}
    return {**rest, **singles}
