"""Attention by kernels that never hold all scores of a row: splash attention on TPUs, cuDNN on GPUs.

Axis legend: B rows, H heads, L length of a row, D width of a head.

A query of a prefix LM sees two spans of its own example: the prefix, from the example's start up to `prefix_end`, and
its own branch, from `branch_start` up to itself. The spans are passed to the kernel beside the queries, so that no mask
[L,L] is made, and every row can have its own.
"""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import flax.struct
import jax
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name

from t2f_jax.distributed import partitioning

if TYPE_CHECKING:
    from jax.experimental.pallas.ops.tpu.splash_attention import splash_attention_kernel

LANES = 128  # a splash kernel's row is a multiple of this
LONGEST = 2047  # places of a row, 11 bits in a code
BRANCH = 1023  # ids of a branch before a query, 10 bits
BLOCK = 512  # largest side of a tile of queries and keys


@flax.struct.dataclass
class SpanMask:
    """The mask that `splash` takes: two spans for each query."""

    code: jax.Array  # int32 [B,L]: prefix_end, place and the branch's ids before it, see `encode`
    documents: jax.Array  # int32 [B,L]: the example of each place
    # Length of the longest example in ids: tiles of places farther apart are skipped. 0: all are computed.
    max_example_length: int = flax.struct.field(pytree_node=False, default=0)


def fits(length: int) -> bool:
    """Whether `splash` can take rows of this length."""
    return length % LANES == 0 and length <= LONGEST


def block(length: int) -> int:
    """Side of a tile of queries and keys."""
    return max(b for b in range(LANES, min(BLOCK, length) + 1, LANES) if length % b == 0)


def span_mask(
    segments_BxL: jax.Array, documents_BxL: jax.Array | None, mask: str, max_example_length: int = 0
) -> SpanMask:
    """The mask of `attention.visible`, as spans. A pad sees itself: a softmax needs at least one key."""
    prefix_end, branch_start, place, documents = _ends(segments_BxL, documents_BxL, mask)
    return SpanMask(encode(prefix_end, branch_start, place), documents, max_example_length)


def count_visible(segments_BxL: jax.Array, documents_BxL: jax.Array | None, mask: str) -> jax.Array:
    """int32 [B,L]: the number of places that a query sees; 0 for a pad."""
    prefix_end, branch_start, place, documents = _ends(segments_BxL, documents_BxL, mask)
    first = jax.lax.cummax(jnp.where(_begins(documents), place, 0), axis=1)
    branch = jnp.where(segments_BxL == 1, 0, place - branch_start + 1)
    return jnp.where(segments_BxL > 0, jnp.maximum(prefix_end - first, 0) + branch, 0)


def _begins(x_BxL: jax.Array) -> jax.Array:
    """bool [B,L]: whether the value before it is different (or absent)."""
    return jnp.pad(x_BxL[:, 1:] != x_BxL[:, :-1], ((0, 0), (1, 0)), constant_values=True)


def _ends(segments_BxL: jax.Array, documents_BxL: jax.Array | None, mask: str) -> tuple[jax.Array, ...]:
    """-> prefix_end, branch_start, place, documents, int32 [B,L] each.

    A row holds one example after another, each a prefix (segment 1) and then its branches.
    """
    documents = (segments_BxL > 0).astype(jnp.int32) if documents_BxL is None else documents_BxL
    length = segments_BxL.shape[1]
    place = jnp.broadcast_to(jnp.arange(length, dtype=jnp.int32), segments_BxL.shape)
    prefix, alone = segments_BxL == 1, segments_BxL == 0
    new = _begins(segments_BxL) | _begins(documents)
    start = jax.lax.cummax(jnp.where(new, place, 0), axis=1)
    last = jnp.roll(new, -1, axis=1).at[:, -1].set(True)  # the last place of a run of one segment
    ahead = jax.lax.cummin(jnp.where(last, place + 1, length), axis=1, reverse=True)
    behind = jax.lax.cummax(jnp.where(prefix & last, place + 1, 0), axis=1)
    prefix_end = jnp.where(prefix, place + 1 if mask == "causal" else ahead, behind)
    return jnp.where(alone, 0, prefix_end), jnp.where(alone | prefix, place, start), place, documents.astype(jnp.int32)


def encode(prefix_end: jax.Array, branch_start: jax.Array, place: jax.Array) -> jax.Array:
    """Packs three numbers of a query into 32 bits: 11 for the prefix's end, 11 for its place, 10 for the number of
    ids of its branch before it."""
    return (prefix_end << 21) | (place << 10) | jnp.minimum(place - branch_start, BRANCH)


def is_visible(code: jax.Array, key: jax.Array) -> jax.Array:
    """Whether the query with this code may attend to place `key` (of its own document). Runs inside the kernel."""
    prefix_end = jax.lax.shift_right_logical(code, jnp.full_like(code, 21))
    place = (code >> 10) & LONGEST
    branch_start = place - (code & BRANCH)
    return (key < prefix_end) | ((key >= branch_start) & (key <= place))


@functools.cache
def splash_kernel(
    heads: int, length: int, max_example_length: int, interpret: bool
) -> "splash_attention_kernel.SplashAttentionKernel":
    """A splash kernel for tiles of places at most `max_example_length` apart; `splash` inserts its codes."""
    from jax.experimental.pallas.ops.tpu.splash_attention import splash_attention_kernel as sk
    from jax.experimental.pallas.ops.tpu.splash_attention import splash_attention_mask as sm
    from jax.experimental.pallas.ops.tpu.splash_attention import splash_attention_mask_info as mi

    side = block(length)
    sizes = sk.BlockSizes(
        block_q=side,
        block_kv=side,
        block_kv_compute=side,
        block_q_dkv=side,
        block_kv_dkv=length,  # all keys at once: a query's gradient needs no second pass to sum its parts
        block_kv_dkv_compute=side,
        use_fused_bwd_kernel=True,
        q_layout=sk.QKVLayout.SEQ_MINOR,
        k_layout=sk.QKVLayout.SEQ_MINOR,
        v_layout=sk.QKVLayout.SEQ_MINOR,
    )
    band = sm.MultiHeadMask([sm.LocalMask((length, length), (max_example_length, max_example_length), 0)] * heads)
    shape, dkv = (side, side), (sizes.block_q_dkv, sizes.block_kv_dkv)
    forward, _ = mi.process_mask(band, shape, downcast_smem_data=True, head_shards=1, q_seq_shards=1)
    backward, _ = mi.process_mask_dkv(
        band, dkv, downcast_smem_data=True, head_shards=1, q_seq_shards=1, shrink_grid=False
    )
    return sk.SplashAttentionKernel(  # as `make_splash_mha`, but with numpy arrays: constants of any program
        forward,
        None,
        backward,
        block_sizes=sizes,
        is_mqa=False,
        save_residuals=False,
        mask_value=sk.DEFAULT_MASK_VALUE,
        attn_logits_soft_cap=None,
        residual_checkpoint_name="attention",
        mask_function=is_visible,
        interpret=interpret,
    )


def splash(
    q: jax.Array, k: jax.Array, v: jax.Array, mask: SpanMask, dropout: Callable[[jax.Array], jax.Array] | None = None
) -> jax.Array:
    """[B,H,L,D] three times, q scaled -> [B,H,L,D]. On devices other than TPUs the kernel is interpreted, for tests.

    Args:
      dropout: not applied; `attention.attention_kind` refuses a kernel if there is dropout.
    """
    from jax.experimental.pallas.ops.tpu.splash_attention import splash_attention_kernel as sk

    interpret = partitioning.platform() != "tpu"
    length = q.shape[2]

    def attend_rows(q: jax.Array, k: jax.Array, v: jax.Array, code: jax.Array, documents: jax.Array) -> jax.Array:
        kernel = splash_kernel(q.shape[1], length, mask.max_example_length or length, interpret)

        def row(q: jax.Array, k: jax.Array, v: jax.Array, code: jax.Array, documents: jax.Array) -> jax.Array:
            infos, kwargs = kernel.tree_flatten()
            infos = [None if info is None else info._replace(q_sequence=code) for info in infos]
            attend: Any = sk.SplashAttentionKernel.tree_unflatten(kwargs, infos)
            return attend(q, k, v, sk.SegmentIds(documents, documents))

        return jax.vmap(row)(q, k, v, code, documents)

    heads, rows = ("batch", "heads", None, None), ("batch", None)
    attend = partitioning.per_device(attend_rows, (heads, heads, heads, rows, rows), heads)
    return attend(q, k, v, mask.code, mask.documents)


def cudnn(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    visible_BxLxL: jax.Array,
    dropout: Callable[[jax.Array], jax.Array] | None = None,
) -> jax.Array:
    """[B,H,L,D] three times, q scaled, half precision -> [B,H,L,D], by cuDNN's fused attention.

    Args:
      visible_BxLxL: bool, query first.
      dropout: as in `splash`.
    """
    q, k, v = (x.swapaxes(1, 2) for x in (q, k, v))
    out = jax.nn.dot_product_attention(q, k, v, mask=visible_BxLxL[:, None], scale=1.0, implementation="cudnn")
    return checkpoint_name(out, "attention").swapaxes(1, 2)
