"""Self-attention of the prefix LM: the mask, rotary positions, and one module for training and cached decoding.

Axis legend: B batch, Q queries, K keys, L length of a row, H heads, D width of a head, M width of the model.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax.ad_checkpoint import checkpoint_name
from jax.typing import DTypeLike

from t2f_jax.config.schema import DecoderConfig
from t2f_jax.distributed import partitioning
from t2f_jax.errors import UserError
from t2f_jax.models import attention_kernels
from t2f_jax.models.attention_kernels import SpanMask
from t2f_jax.models.dense import dense

MASKED_SCORE = -1e9  # added to the score of an invisible key: its probability is exactly 0 in float32

# The mask, in the form that a kind of attention takes: a bias (float32 [B,1,Q,K]: 0 where the key is visible,
# `MASKED_SCORE` elsewhere) for "xla", bool [B,Q,K] for "cudnn", `SpanMask` for "splash".
Mask = jax.Array | SpanMask
Dropout = Callable[[jax.Array], jax.Array]


def visible(segments_BxL: jax.Array, mask: str = "prefix", documents_BxL: jax.Array | None = None) -> jax.Array:
    """bool [B,Q,K] with Q = K = L: may query i attend to key j?

    Segment 0 is a pad, 1 the prefix, 2+b branch b. With mask "prefix" a prefix key is visible to every query; a
    branch's key to the later queries of its own branch; a pad to no query. (A pad's own query sees every branch before
    it, as in the original.) For a prefix p q and a branch x y, rows are queries:

            p q x y                         p q x y
        p   1 1 0 0                     p   1 0 0 0
        q   1 1 0 0                     q   1 1 0 0
        x   1 1 1 0     mask="causal":  x   1 1 1 0
        y   1 1 1 1                     y   1 1 1 1

    `documents` (1, 2, ... along a row, 0 at pads) separates packed examples: none attends to another.
    """
    query, key = segments_BxL[:, :, None], segments_BxL[:, None, :]
    place = jnp.arange(segments_BxL.shape[1])
    earlier = (place[None, :] <= place[:, None])[None]
    allowed = (key == 1) | ((key > 0) & earlier & ((key == query) | (query == 0)))
    if documents_BxL is not None:
        allowed &= documents_BxL[:, :, None] == documents_BxL[:, None, :]
    return allowed & earlier if mask == "causal" else allowed


def score_bias(visible_BxQxK: jax.Array) -> jax.Array:
    """bool [B,Q,K] -> the bias added to the scores, float32 [B,1,Q,K]."""
    return jnp.where(visible_BxQxK, 0.0, MASKED_SCORE)[:, None]


def rotations(positions_BxL: jax.Array, head_width: int) -> tuple[jax.Array, jax.Array]:
    """cos and sin, float32 [B,1,L,D/2], of the angles position * 10000^(-2i/D) (Su et al., RoFormer, 2021)."""
    rate = 10000.0 ** (-jnp.arange(0, head_width, 2, dtype=jnp.float32) / head_width)
    angle = positions_BxL[:, None, :, None].astype(jnp.float32) * rate
    return jnp.cos(angle), jnp.sin(angle)


def rotate(x_BxHxLxD: jax.Array, rotation: tuple[jax.Array, jax.Array]) -> jax.Array:
    """Rotates the pair (i, i + D/2) of every head by its position's angle; the result has the type of x."""
    cos, sin = rotation
    first, second = jnp.split(x_BxHxLxD.astype(jnp.float32), 2, axis=-1)
    turned = jnp.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)
    return turned.astype(x_BxHxLxD.dtype)


def attention_kind(config: DecoderConfig, length: int, train: bool = False, dtype: DTypeLike = jnp.float32) -> str:
    """The one of `KINDS` that computes the attention over rows of `length` ids, on the platform being compiled for.

    `config.attention` names it. "auto" is a kernel if one is possible: no kernel drops attention probabilities, splash
    attention needs rows of certain lengths, cuDNN half precision.

    Raises:
      UserError: the kind that the config names cannot compute this.
    """
    dropping, splash_fits = train and config.dropout > 0, attention_kernels.fits(length)
    if config.attention == "splash" and not splash_fits:
        raise UserError(
            f"attention=splash takes rows of a multiple of {attention_kernels.LANES} ids, got {length};"
            " set attention=xla"
        )
    if config.attention in ("splash", "cudnn") and dropping:
        raise UserError(
            f"attention={config.attention} drops no attention probabilities; set dropout=0 or attention=xla"
        )
    if config.attention != "auto":
        return config.attention
    platform = partitioning.platform()
    if platform == "tpu" and splash_fits and not dropping:
        return "splash"
    return "cudnn" if platform == "gpu" and not dropping and jnp.dtype(dtype).itemsize == 2 else "xla"


def attend(q: jax.Array, k: jax.Array, v: jax.Array, bias_Bx1xLxL: jax.Array, dropout: Dropout) -> jax.Array:
    """[B,H,L,D] three times, q scaled -> float32 [B,H,L,D], by XLA."""
    batch, heads, length, width = q.shape
    q, k, v = (x.reshape(-1, length, width) for x in (q, k, v))  # one axis for rows and heads, as in a cache
    scores = jnp.einsum("nqd,nkd->nqk", q, k, preferred_element_type=jnp.float32)
    scores = scores.reshape(batch, heads, length, length) + bias_Bx1xLxL
    # A softmax that divides after the sum over values: fewer passes over [B,H,Q,K], also in the backward pass.
    probs = jnp.exp(scores - jax.lax.stop_gradient(scores.max(-1, keepdims=True)))
    total = probs.sum(-1, keepdims=True)
    probs = dropout(probs.astype(v.dtype))
    out = jnp.einsum("nqk,nkd->nqd", probs.reshape(-1, length, length), v, preferred_element_type=jnp.float32)
    return out.reshape(batch, heads, length, width) / total


def _bias_mask(segments: jax.Array, documents: jax.Array | None, mask: str, max_example_length: int) -> jax.Array:
    return score_bias(visible(segments, mask, documents))


def _bool_mask(segments: jax.Array, documents: jax.Array | None, mask: str, max_example_length: int) -> jax.Array:
    return visible(segments, mask, documents)


class Kind(NamedTuple):
    """One way to compute attention over whole rows."""

    # (segments [B,L], documents [B,L] or None, "prefix" or "causal", ids of the longest example or 0) -> its mask
    make_mask: Callable[[jax.Array, jax.Array | None, str, int], Any]
    # (q, k, v [B,H,L,D], q scaled; its mask; dropout of the probabilities) -> [B,H,L,D]
    attend: Callable[[jax.Array, jax.Array, jax.Array, Any, Dropout], jax.Array]


KINDS = {
    "xla": Kind(_bias_mask, attend),
    "cudnn": Kind(_bool_mask, attention_kernels.cudnn),
    "splash": Kind(attention_kernels.span_mask, attention_kernels.splash),
}


class SplashQKV(nn.Module):
    """Queries, keys and values for splash attention; parameters as in the dense layer that it replaces.

    Three products whose results have L as their last axis, as the TPU's kernel reads them: a head's width of 64 as the
    last axis would fill half of a register's lanes, and each transposition costs a pass over memory.
    """

    heads: int
    bias: bool
    init_std: float
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x_BxLxM: jax.Array) -> tuple[jax.Array, ...]:
        """-> query, key, value, each [B,H,L,D]."""
        model = x_BxLxM.shape[-1]
        kernel = self.param("kernel", nn.initializers.normal(self.init_std), (model, 3 * model)).astype(self.dtype)
        parts = kernel.reshape(model, 3, self.heads, -1)
        products = [jnp.einsum("blm,mhd->bhdl", x_BxLxM.astype(self.dtype), parts[:, i]) for i in range(3)]
        if self.bias:
            bias = self.param("bias", nn.initializers.zeros, (3 * model,)).astype(self.dtype)
            products = [y + b[..., None] for y, b in zip(products, bias.reshape(3, self.heads, -1))]
        return tuple(checkpoint_name(y, "qkv").swapaxes(2, 3) for y in products)


class Attention(nn.Module):
    """Multi-head self-attention; query, key and value in one product (columns: query | key | value, heads in order)."""

    heads: int
    bias: bool = True
    dropout: float = 0.0
    init_std: float = 0.02
    dtype: jnp.dtype = jnp.float32
    weight_groups: int = 0  # layout of the kernels, see `dense`
    kind: str = "xla"  # of `KINDS`; only "xla" can use a cache
    products: str = "float32"  # as in the config

    @nn.compact
    def __call__(
        self,
        x_BxQxM: jax.Array,
        mask: Mask,
        rotation: tuple[jax.Array, jax.Array] | None = None,
        cache: tuple[jax.Array, ...] | None = None,
        index: jax.Array | int = 0,
        deterministic: bool = True,
    ) -> tuple[jax.Array, tuple[jax.Array, ...]]:
        """Attends from x to x, or to a cache, after writing the keys and values of x into it.

        Args:
          x_BxQxM: normalised input.
          mask: of this module's `kind`; with a cache, a bias whose K are all the cache's slots; otherwise K = Q.
          rotation: of the queries' positions, from `rotations`; None for learned positions.
          cache: keys and values, each [B*H,T,D], of the slots being filled; then of the slots before these, part by
            part, keys [N,D,P] and values [N,P,D], N = B*H, or V*H where row b shares them with rows b + V, b + 2V, ...
          index: slot, of those being filled, for the first of the Q new keys.
          deterministic: no dropout of the attention probabilities.

        Returns:
          Output [B,Q,M], and the keys and values attended to, as `cache` or, without one, each [B,H,Q,D].
        """
        batch, length, model = x_BxQxM.shape

        def product(width: int, name: str) -> Callable[[jax.Array], jax.Array]:
            return dense(width, self.bias, self.init_std, self.dtype, self.weight_groups, self.products, name)

        if self.kind == "splash":
            q, k, v = SplashQKV(self.heads, self.bias, self.init_std, self.dtype, name="qkv")(x_BxQxM)
        else:
            # Products of two axes: with three, XLA's CPU backend takes about twice as long for the gradients.
            qkv = checkpoint_name(product(3 * model, "qkv")(x_BxQxM.reshape(-1, model)), "qkv")
            parts = jax.lax.split(qkv.reshape(batch, length, 3, self.heads, model // self.heads), (1, 1, 1), 2)
            q, k, v = (x.squeeze(2).swapaxes(1, 2) for x in parts)  # [B,H,Q,D]: fastest for decoding
        if rotation is not None:
            q, k = rotate(q, rotation), rotate(k, rotation)
        q = q * (model // self.heads) ** -0.5
        if cache is None:
            out = KINDS[self.kind].attend(q, k, v, mask, nn.Dropout(self.dropout, deterministic=deterministic))
        else:
            assert isinstance(mask, jax.Array), "a cache is attended to under a bias"
            k, v = (_write(slots, x, index) for slots, x in zip(cache, (k, v)))
            out = _attend_to_cache(q, (k, v, *cache[2:]), mask)
        out = product(model, "out")(out.astype(self.dtype).swapaxes(1, 2).reshape(-1, model))
        return out.reshape(batch, length, model), (k, v)


# A cache has one axis for batch and heads. With two, XLA's CPU backend copies all keys and values to new arrays for the
# products in every step.
def _write(cache_NxKxD: jax.Array, x_BxHxQxD: jax.Array, index: jax.Array | int) -> jax.Array:
    """The cache with slots index .. index+Q-1 set."""
    rows = x_BxHxQxD.reshape(-1, *x_BxHxQxD.shape[2:]).astype(cache_NxKxD.dtype)
    return jax.lax.dynamic_update_slice_in_dim(cache_NxKxD, rows, index, axis=1)


def _attend_to_cache(q_BxHxQxD: jax.Array, cache: tuple[jax.Array, ...], bias_Bx1xQxK: jax.Array) -> jax.Array:
    """Attention of scaled queries to a cache (as in `Attention`), float32 [B,H,Q,D]."""
    batch, heads, length, width = q_BxHxQxD.shape
    k_NxTxD, v_NxTxD, *parts = cache

    def product(left_BxHxQxK: jax.Array, right_NxKxD: jax.Array) -> jax.Array:
        """[B,H,Q,D]: each row times its matrix of `right`; rows that share one are multiplied together."""
        left = left_BxHxQxK.reshape(-1, len(right_NxKxD), *left_BxHxQxK.shape[2:]).swapaxes(0, 1)
        left = left.reshape(len(right_NxKxD), -1, left.shape[-1])
        rows = left.shape[1]
        if rows == 1:  # XLA's CPU backend uses one core for a single row, all for two
            left = jnp.pad(left, ((0, 0), (0, 1), (0, 0)))
        y = jnp.matmul(left, right_NxKxD, preferred_element_type=jnp.float32)[:, :rows]
        return y.reshape(len(y), -1, length, y.shape[-1]).swapaxes(0, 1).reshape(batch, heads, length, -1)

    newest = jnp.einsum(
        "nqd,nkd->nqk", q_BxHxQxD.reshape(-1, length, width), k_NxTxD, preferred_element_type=jnp.float32
    )
    scores = [*(product(q_BxHxQxD, k_NxDxP) for k_NxDxP in parts[::2]), newest.reshape(batch, heads, length, -1)]
    scores = jnp.concatenate(scores, -1) + bias_Bx1xQxK
    probs = jnp.exp(scores - scores.max(-1, keepdims=True))
    total = probs.sum(-1, keepdims=True)
    values = (*parts[1::2], v_NxTxD)
    ends = np.cumsum([v.shape[1] for v in values])[:-1]
    shares = jnp.split(probs.astype(v_NxTxD.dtype), ends, axis=-1)
    return sum(product(share, v) for share, v in zip(shares, values)) / total
