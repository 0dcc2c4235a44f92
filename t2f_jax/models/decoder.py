"""The prefix LM: a pre-norm transformer over text and image ids (Talk2Face's, with a few modern choices).

Axis legend: B batch, L length of a row, M width of the model, V vocabulary, H heads, D width of a head, T cache slots.

Parameters (float32; kernels [in, out], N(0, init_std); biases 0; scales 1):

    embed/word [V,M]  embed/position [max_length,M]  embed/segment [3,M]
    layer_i/{norm_1, norm_2}/{scale, bias}
    layer_i/attention/{qkv [M,3M], out [M,M]}/{kernel, bias}      layer_i/mlp/{up, down}/{kernel, bias}
    final_norm/{scale, bias}    head/weight [V,M] (absent if tied)

With `stacked` the layers are one subtree "layers" whose leaves have a leading layer axis, so that only one layer is
compiled. `params.stack_layers` and `params.unstack_layers` convert between the layouts.
"""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from t2f_jax.config.schema import DecoderConfig
from t2f_jax.distributed import partitioning
from t2f_jax.models.attention import KINDS, Mask, attention_kind, rotations, score_bias
from t2f_jax.models.blocks import Block, Norm

Rotation = tuple[jax.Array, jax.Array] | None  # of `attention.rotations`; None if positions are learned
Cache = list[tuple[jax.Array, ...]]  # of every layer, as in `Attention`: keys and values, each [B*H,T,D]


class Embedding(nn.Module):
    """Sum of the word's, the position's and the segment's rows; a tied head uses the word table."""

    config: DecoderConfig
    vocab_size: int
    dtype: jnp.dtype = jnp.float32

    def setup(self) -> None:
        """Makes the tables."""
        c, normal = self.config, nn.initializers.normal(self.config.init_std)
        self.word = self.param("word", normal, (self.vocab_size, c.width))
        if c.positions == "learned":
            self.position = self.param("position", normal, (c.max_length, c.width))
        if c.segments:
            self.segment = self.param("segment", normal, (3, c.width))

    def __call__(self, tokens: jax.Array, segments: jax.Array, positions: jax.Array) -> jax.Array:
        """int32 [B,L] three times -> [B,L,M] in `dtype`. All branches share the segment row of targets."""
        x = self.word[tokens]
        if self.config.positions == "learned":
            x = x + self.position[positions]
        if self.config.segments:
            x = x + self.segment[jnp.minimum(segments, 2)]
        return x.astype(self.dtype)


class Head(nn.Module):
    """The output table of an untied model."""

    vocab_size: int
    width: int
    init_std: float

    def setup(self) -> None:
        """Makes the table."""
        self.weight = self.param("weight", nn.initializers.normal(self.init_std), (self.vocab_size, self.width))


def _saved(*names: str) -> Callable[..., bool]:
    """A policy of rematerialization: values with one of these names are kept."""
    return jax.checkpoint_policies.save_only_these_names(*names)


# What a layer keeps for its backward pass beside its input, with bytes per token and layer (half precision, width M):
REMAT = {
    "dots": jax.checkpoint_policies.save_from_both_policies(  # 20 M and more: every product
        jax.checkpoint_policies.dots_with_no_batch_dims_saveable, _saved("attention")
    ),
    "mlp": _saved("qkv", "attention", "up"),  # 16 M
    "attention": _saved("qkv", "attention"),  # 8 M: about a seventh more computation
    "full": jax.checkpoint_policies.nothing_saveable,  # nothing: about a third more computation
}


class Decoder(nn.Module):
    """The prefix LM. `dtype` is the type of the products; parameters, softmax and logits are float32.

    `weight_groups` is the layout of its layers' kernels (`models.dense`): 0 is the layout above, used in training.
    """

    config: DecoderConfig
    vocab_size: int
    dtype: jnp.dtype = jnp.float32
    weight_groups: int = 0
    max_example_length: int = 0  # ids of the longest example of a packed row, for the kernels; 0: unknown
    stacked: bool = False  # the layers are one subtree, see above; training sets it by `config.scan`

    def setup(self) -> None:
        """Makes the parts: embed, layers (or layer_0 ...), final_norm, head."""
        c = self.config
        self.embed = Embedding(c, self.vocab_size, self.dtype)
        self.embed_dropout = nn.Dropout(c.dropout)
        self.final_norm = Norm(c.norm, self.dtype)
        if not c.tie:
            self.output = Head(self.vocab_size, c.width, c.init_std, name="head")

    def __call__(
        self,
        tokens: jax.Array,
        segments: jax.Array,
        positions: jax.Array,
        documents: jax.Array | None = None,
        train: bool = False,
    ) -> jax.Array:
        """int32 [B,L] each (see `sequence.assemble`, `packing`) -> float32 logits [B,L,V]; `train`: with dropout."""
        return self.head(self.hidden(tokens, segments, positions, documents, train))

    @nn.compact
    def hidden(
        self,
        tokens: jax.Array,
        segments: jax.Array,
        positions: jax.Array,
        documents: jax.Array | None = None,
        train: bool = False,
    ) -> jax.Array:
        """As `__call__`, but up to the final norm: [B,L,M] in `dtype`."""
        x = self.embed_dropout(self.embed(tokens, segments, positions), deterministic=not train)
        x = partitioning.constrain(x, ("batch", None, None))  # not sharded by width, as the tables are
        kind = attention_kind(self.config, segments.shape[1], train, self.dtype)
        mask = KINDS[kind].make_mask(segments, documents, self.config.mask, self.max_example_length)
        x = self._layers(x, kind, mask, self._rotation(positions), train)
        return self.final_norm(x)

    @nn.compact
    def extend(
        self,
        tokens: jax.Array,
        segments: jax.Array,
        positions: jax.Array,
        visible_BxLxT: jax.Array,
        cache: Cache,
        index: jax.Array | int,
    ) -> tuple[jax.Array, Cache]:
        """Runs L new ids after those in the cache: a whole prefix, one decoded id per row, or a tree of candidates.

        Args:
          tokens, segments, positions: int32 [B,L].
          visible_BxLxT: bool, the cache slots that each new id may attend to, including the new ids' own slots.
          cache: from `empty_cache` or an earlier call. The layers must be single.
          index: slot of the first new id; the others follow.

        Returns:
          Final-norm output [B,L,M] and the cache with slots index .. index+L-1 filled.
        """
        c = self.config
        assert not self.stacked, "cached decoding needs single layers (params.unstack_layers)"
        x = self.embed(tokens, segments, positions)
        block = Block(c, self.dtype, True, self.weight_groups, parent=None)
        layer = jax.jit(lambda params, *args: block.apply({"params": params}, *args))  # traced once for all layers
        bias, rotation = score_bias(visible_BxLxT), self._rotation(positions)
        grown = []
        for i in range(c.layers):
            x, kept = layer(self.variables["params"][f"layer_{i}"], x, bias, rotation, cache[i], index)
            grown.append(kept)
        return self.final_norm(x), grown

    def head(self, hidden: jax.Array) -> jax.Array:
        """[..., M] -> float32 logits [..., V]."""
        table = (self.embed.word if self.config.tie else self.output.weight).astype(self.dtype)
        flat = hidden.reshape(-1, hidden.shape[-1])  # two axes, as in `Attention`
        logits = jnp.einsum("nm,vm->nv", flat, table, preferred_element_type=jnp.float32)
        return logits.reshape(*hidden.shape[:-1], -1)

    def _rotation(self, positions: jax.Array) -> Rotation:
        if self.config.positions == "learned":
            return None
        return rotations(positions, self.config.width // self.config.heads)

    def _layers(self, x: jax.Array, kind: str, mask: Mask, rotation: Rotation, train: bool) -> jax.Array:
        c, block = self.config, Block
        if train and c.remat != "none":
            block = nn.remat(Block, policy=REMAT[c.remat], prevent_cse=not self.stacked)
        if self.stacked:
            stack = nn.scan(
                block,
                variable_axes={"params": 0},
                split_rngs={"params": True, "dropout": True},
                in_axes=nn.broadcast,  # pyright: ignore[reportArgumentType]
                length=c.layers,
            )
            return stack(c, self.dtype, not train, 0, kind, name="layers")(x, mask, rotation)[0]
        for i in range(c.layers):
            x, _ = block(c, self.dtype, not train, self.weight_groups, kind, name=f"layer_{i}")(x, mask, rotation)
        return x


def apply_decoder(decoder: Decoder, params: Any, *args: Any, method: str | None = None, **kwargs: Any) -> Any:
    """`decoder.apply` with unwrapped parameters: calls `__call__` or the `method` ("hidden", "extend", "head")."""
    return decoder.apply({"params": params}, *args, method=method, **kwargs)


def empty_cache(config: DecoderConfig, batch: int, slots: int, dtype: DTypeLike = jnp.float32) -> Cache:
    """A cache of zeros for B = `batch` rows of T = `slots` ids."""
    shape = (batch * config.heads, slots, config.width // config.heads)
    return [(jnp.zeros(shape, dtype), jnp.zeros(shape, dtype)) for _ in range(config.layers)]
