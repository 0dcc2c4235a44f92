"""CLIP (Radford et al., 2021, arXiv:2103.00020): images and texts -> vectors of one space, with the user's weights.

The layout and names are those of OpenAI's vision transformers: `visual.transformer.resblocks.3.ln_1.weight` is
`visual/resblock_3/ln_1/scale` here. Axes: B batch, S pixels of a side, L places of a row, W width, E numbers of a
vector.
"""

import dataclasses
import functools
import re
from collections.abc import Mapping
from typing import Any, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from t2f_jax.errors import UserError
from t2f_jax.models.resampling import resize


@dataclasses.dataclass(frozen=True)
class Tower:
    """A transformer's structure."""

    layers: int
    width: int
    heads: int
    mlp: int


@dataclasses.dataclass(frozen=True)
class Clip:
    """A CLIP's structure.

    Attributes:
      activation: "quick_gelu" (x sigmoid(1.702 x)) for OpenAI's weights, "gelu" for most others; the wrong one gives
        wrong vectors without any error.
      mean, deviation: mean and standard deviation of colours in 0..1, by which images are normalized.
    """

    visual: Tower
    text: Tower
    side: int
    patch: int
    embed: int
    vocab: int
    context: int
    activation: Literal["quick_gelu", "gelu"]
    epsilon: float = 1e-5
    mean: tuple[float, float, float] = (0.48145466, 0.4578275, 0.40821073)
    deviation: tuple[float, float, float] = (0.26862954, 0.26130258, 0.27577711)


class Layer(nn.Module):
    """Attention and MLP, each after its norm."""

    clip: Clip
    tower: Tower
    causal: bool

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """[B, L, W] -> the same."""
        heads, (batch, length, width) = self.tower.heads, x.shape
        y = _dense(3 * width, "in_proj")(_norm(self.clip, "ln_1")(x))
        query, key, value = (part.reshape(batch, length, heads, -1) for part in jnp.split(y, 3, -1))
        scores = jnp.einsum("blhd,bmhd->bhlm", query, key, precision="highest") / np.sqrt(width // heads)
        if self.causal:
            scores = jnp.where(np.tril(np.ones((length, length), bool)), scores, -jnp.inf)
        mixed = jnp.einsum("bhlm,bmhd->blhd", jax.nn.softmax(scores), value, precision="highest")
        x = x + _dense(width, "out_proj")(mixed.reshape(batch, length, width))
        y = _dense(self.tower.mlp, "c_fc")(_norm(self.clip, "ln_2")(x))
        y = y * jax.nn.sigmoid(1.702 * y) if self.clip.activation == "quick_gelu" else jax.nn.gelu(y, approximate=False)
        return x + _dense(width, "c_proj")(y)


def _dense(features: int, name: str) -> nn.Dense:
    return nn.Dense(features, precision="highest", name=name)


def _norm(clip: Clip, name: str) -> nn.LayerNorm:
    return nn.LayerNorm(epsilon=clip.epsilon, use_fast_variance=False, name=name)


class Visual(nn.Module):
    """Images -> vectors."""

    clip: Clip

    @nn.compact
    def __call__(self, x_BxSxSx3: jax.Array) -> jax.Array:
        """Scaled images -> float32 [B, E]."""
        c, tower = self.clip, self.clip.visual
        patch, normal = (c.patch, c.patch), nn.initializers.normal(0.02)
        x = nn.Conv(tower.width, patch, patch, use_bias=False, precision="highest", name="conv1")(x_BxSxSx3)
        x = x.reshape(len(x), -1, tower.width)
        first = self.param("class_embedding", normal, (tower.width,))
        x = jnp.concatenate([jnp.broadcast_to(first, (len(x), 1, tower.width)), x], 1)
        x = x + self.param("positional_embedding", normal, x.shape[1:])
        x = _norm(c, "ln_pre")(x)
        for i in range(tower.layers):
            x = Layer(c, tower, False, name=f"resblock_{i}")(x)
        proj = self.param("proj", normal, (tower.width, c.embed))
        return jnp.matmul(_norm(c, "ln_post")(x[:, 0]), proj, precision="highest")


class Text(nn.Module):
    """Ids -> vectors."""

    clip: Clip

    @nn.compact
    def __call__(self, ids_BxL: jax.Array) -> jax.Array:
        """int32 [B, L], L at most `context`, each with its end id, which is the largest -> float32 [B, E]."""
        c, tower, normal = self.clip, self.clip.text, nn.initializers.normal(0.02)
        x = self.param("token_embedding", normal, (c.vocab, tower.width))[ids_BxL]
        x = x + self.param("positional_embedding", normal, (c.context, tower.width))[: ids_BxL.shape[1]]
        for i in range(tower.layers):
            x = Layer(c, tower, True, name=f"resblock_{i}")(x)
        x = _norm(c, "ln_final")(x)[jnp.arange(len(x)), ids_BxL.argmax(1)]
        proj = self.param("text_projection", normal, (tower.width, c.embed))
        return jnp.matmul(x, proj, precision="highest")


@functools.partial(jax.jit, static_argnums=0)
def image_features(clip: Clip, params: Any, images_BxSxSx3: jax.Array) -> jax.Array:
    """uint8 square images -> float32 [B, E], not normalized; resized bicubically with a low-pass filter, in floats."""
    x = resize(images_BxSxSx3, clip.side, "clean") / 255
    x = (x - np.array(clip.mean, np.float32)) / np.array(clip.deviation, np.float32)
    return Visual(clip).apply({"params": params["visual"]}, x)  # type: ignore[return-value]


@functools.partial(jax.jit, static_argnums=0)
def text_features(clip: Clip, params: Any, ids_BxL: jax.Array) -> jax.Array:
    """Ids as `Text` takes them -> float32 [B, E], not normalized."""
    return Text(clip).apply({"params": params["text"]}, ids_BxL)  # type: ignore[return-value]


# ----- weights -----


def is_needed(name: str) -> bool:
    """Whether a file's tensor is a weight, rather than a scale of logits or a list of positions."""
    return not name.endswith(("logit_scale", "logit_bias", "position_ids", "attn_mask"))


def from_tensors(tensors: Mapping[str, np.ndarray], clip: Clip) -> Any:
    """Parameters from tensors with the names of OpenAI and open_clip, or of Hugging Face's transformers.

    Raises:
      UserError: a tensor is missing or has a wrong shape; the message names it.
    """
    if any(name.startswith("vision_model.") for name in tensors):
        tensors = _from_hugging_face(tensors)
    params = {}
    for path, wanted in _abstract_params(clip).items():
        name = _openai_name(path)
        if name not in tensors:
            raise UserError(f"not a CLIP of the structure in its config: tensor '{name}' is missing")
        value = np.asarray(tensors[name], np.float32)
        if path.endswith("kernel"):
            value = value.transpose(2, 3, 1, 0) if value.ndim == 4 else value.T
        if value.shape != wanted.shape:
            raise UserError(f"'{name}' has shape {tensors[name].shape}, which does not fit its config")
        params[path] = value
    return traverse_util.unflatten_dict(params, sep="/")


def _abstract_params(clip: Clip) -> dict[str, jax.ShapeDtypeStruct]:
    key = jax.random.key(0)
    visual: Any = jax.eval_shape(Visual(clip).init, key, jnp.zeros((1, clip.side, clip.side, 3)))["params"]
    text: Any = jax.eval_shape(Text(clip).init, key, jnp.zeros((1, 1), jnp.int32))["params"]
    return traverse_util.flatten_dict({"visual": visual, "text": text}, sep="/")  # pyright: ignore[reportReturnType]


def _openai_name(path: str) -> str:
    """`text/resblock_3/c_fc/kernel` -> `transformer.resblocks.3.mlp.c_fc.weight`."""
    name = path.removeprefix("text/").replace("/", ".")
    name = re.sub(r"resblock_(\d+)", r"transformer.resblocks.\1", name)
    name = re.sub(r"\b(c_fc|c_proj)\b", r"mlp.\1", name)
    name = re.sub(r"\.(scale|kernel)$", ".weight", name)
    name = name.replace("in_proj.", "attn.in_proj_").replace("out_proj", "attn.out_proj")
    return name + ".weight" if name == "token_embedding" else name


_HUGGING_FACE = (  # (pattern, replacement), in this order
    (r"^vision_model\.", "visual."),
    (r"^text_model\.", ""),
    (r"^visual_projection\.weight$", "visual.proj"),
    (r"^text_projection\.weight$", "text_projection"),
    (r"\bembeddings\.patch_embedding\b", "conv1"),
    (r"\bembeddings\.position_embedding\.weight$", "positional_embedding"),
    (r"\bembeddings\.", ""),
    (r"\bencoder\.layers\b", "transformer.resblocks"),
    (r"\blayer_norm(\d)\b", r"ln_\1"),
    (r"\bmlp\.fc1\b", "mlp.c_fc"),
    (r"\bmlp\.fc2\b", "mlp.c_proj"),
    (r"\bself_attn\b", "attn"),
    (r"\bpre_layrnorm\b", "ln_pre"),
    (r"\bpost_layernorm\b", "ln_post"),
    (r"\bfinal_layer_norm\b", "ln_final"),
)


def _from_hugging_face(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Tensors of transformers under OpenAI's names: queries, keys and values joined, projections transposed."""
    renamed = {}
    for name, value in tensors.items():
        for pattern, replacement in _HUGGING_FACE:
            name = re.sub(pattern, replacement, name)
        renamed[name] = value.T if name in ("visual.proj", "text_projection") else value
    for name in [name for name in renamed if ".q_proj." in name]:
        parts = [name.replace(".q_proj.", f".{part}_proj.") for part in "qkv"]
        if all(part in renamed for part in parts):
            joined = name.replace(".q_proj.", ".in_proj_")
            renamed[joined] = np.concatenate([renamed.pop(part) for part in parts])
    return renamed
