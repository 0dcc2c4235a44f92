"""A decoder prepared for inference: single layers, weights in the layout that is fastest on this machine.

Training, checkpoints and model folders hold kernels [in, out] and one head over the joint vocabulary. An engine holds
(converted once, when a model is loaded):

    embed, final_norm, layer_i    as in `models.decoder`; on a CPU with grouped kernels (`models.dense`)
    head/text [G,text_size/G,M]   the head's rows of the text ids, for texts and answers
    head/image [G,image_size/G,M] those of the image ids, for images: each span computes only its own rows
"""

import concurrent.futures
import dataclasses
import math
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from t2f_jax import environment
from t2f_jax.distributed import partitioning
from t2f_jax.errors import WrongArgument
from t2f_jax.models.decoder import Decoder
from t2f_jax.models.dense import grouped, grouped_product
from t2f_jax.models.params import unstack_layers
from t2f_jax.tokens.vocab import Vocab

Rows = TypeVar("Rows")

NO_NUMBERS = (
    "the model computes NaN, so its answers are meaningless: its weights hold NaN or infinity, or are so large that"
    " products overflow; take an earlier checkpoint, or import the model's files again"
)


# ----- what depends on the machine: all of it changes speed alone, up to the order of sums -----


@dataclasses.dataclass(frozen=True)
class CacheLayout:
    """How decoding divides a key-value cache.

    A row's attention reads all slots of its cache, filled or not. The caches of several rows are larger than the
    weights, so they are filled in stages: after a stage, its slots are stored in parts, and an empty cache starts. Each
    stage is compiled separately, so few rows, whose caches are small, have only one.

    Attributes:
      few_rows: up to so many rows of the model there is one stage.
      stage_slots: slots that a stage fills.
      part_slots: largest number of slots of a part; 0: a stage's slots are one part.
    """

    few_rows: int
    stage_slots: int
    part_slots: int

    def stages(self, rows: int, length: int) -> list[int]:
        """The numbers of generated ids at which a stage's slots are full; the newest id has no slot yet."""
        count = 1 if rows <= self.few_rows else max(1, length // self.stage_slots)
        return [*(self.stage_slots * i + 1 for i in range(1, count)), length]

    def parts(self, k_NxTxD: jax.Array, v_NxTxD: jax.Array) -> list[jax.Array]:
        """A layer's filled cache -> its parts in order, keys [N,D,slots] and values [N,slots,D] of each."""
        slots = k_NxTxD.shape[1]
        width = self.part_slots or slots
        cuts = [slice(at, at + width) for at in range(0, slots, width)]
        return [part for cut in cuts for part in (k_NxTxD[:, cut].swapaxes(1, 2), v_NxTxD[:, cut])]


CPU_CACHE = CacheLayout(few_rows=3, stage_slots=64, part_slots=64)  # the fastest width of parts on XLA's CPU backend
CACHE = CacheLayout(few_rows=3, stage_slots=128, part_slots=0)  # elsewhere each part costs two kernels per layer


def weight_groups_here(mesh: Mesh) -> int:
    """Groups of the kernels' outputs (`models.dense`): one for each core on one CPU device, otherwise 0, none.

    A CPU core then reads its own contiguous weights; GPUs and TPUs need the layout of training. Two other CPU settings
    are in the code that they speed up: `dense.FEW_ROWS`, and the second row that `attention` adds to a single one.
    """
    if jax.default_backend() != "cpu" or mesh.size > 1:
        return 0
    return 1 << (environment.cores().bit_length() - 1)  # a power of two divides widths


# ----- the engine -----


@dataclasses.dataclass(frozen=True)
class Engine:
    """A decoder that `decoding` and `scoring` run. Use `prepare` to make it.

    Attributes:
      decoder: with single layers; its `weight_groups` is the layout of its kernels.
      params: as in the module's docstring; only shapes if nothing is run.
      mesh: its devices hold the parameters and share the rows.
      cache: how the cache of generated ids is divided.
    """

    decoder: Decoder
    params: Any
    vocab: Vocab
    mesh: Mesh
    cache: CacheLayout = CACHE

    def check_length(self, longest: int) -> None:
        """Raises WrongArgument if a row of `longest` ids might not fit a learned position table."""
        if longest > self.most_ids:
            raise WrongArgument(
                f"a row of {longest} ids exceeds the model's {self.most_ids} positions; shorten prompt or answer"
            )

    @property
    def most_ids(self) -> float:
        """The length of row that surely fits a learned position table; infinity if positions are not learned."""
        config = self.decoder.config
        return config.max_length - config.image_position if config.positions == "learned" else math.inf

    def spread(self, rows: Rows) -> Rows:
        """Puts arrays whose first axis is rows on the devices, spread over the mesh's batch axes."""
        return jax.device_put(rows, partitioning.batch_shardings(rows, self.mesh))

    def spread_shapes(self, rows: Rows) -> Rows:
        """As `spread`, but only shapes with their shardings; the devices need not exist."""
        return partitioning.abstract(rows, partitioning.batch_shardings(rows, self.mesh))


def prepare(
    decoder: Decoder, params: Any, vocab: Vocab, mesh: Mesh | None = None, weight_groups: int | None = None
) -> Engine:
    """A decoder and its parameters (as in training, layers single or stacked) -> an engine.

    Args:
      mesh: weights are sharded by `partitioning`'s rules, rows over its batch axes; if not given, all devices of this
        process hold all weights and share the rows.
      weight_groups: of the kernels' outputs, see `models.dense`; chosen for this machine if not given.
    """
    mesh = partitioning.make_mesh("", jax.local_devices()) if mesh is None else mesh
    groups = weight_groups_here(mesh) if weight_groups is None else weight_groups
    params = unstack_layers(params)
    table = params["embed"]["word"] if decoder.config.tie else params["head"]["weight"]
    spans = {"text": vocab.text_span, "image": vocab.image_span}
    head = {kind: grouped(jnp.asarray(table[first : first + n]), groups or 1) for kind, (first, n) in spans.items()}

    def convert(path: Any, leaf: Any) -> jax.Array:
        if groups and path[0].key.startswith("layer_") and path[-1].key == "kernel":
            leaf = grouped(jnp.asarray(np.ascontiguousarray(np.asarray(leaf).T)), groups)
        return jnp.asarray(leaf)

    rest = {name: part for name, part in params.items() if name != "head"}
    paths, structure = jax.tree_util.tree_flatten_with_path(rest)
    with concurrent.futures.ThreadPoolExecutor() as pool:  # a large model's weights are read from the disk here
        ready = structure.unflatten(pool.map(lambda leaf: convert(*leaf), paths))
    ready = {**ready, "head": head}
    if mesh.size > 1:
        ready = jax.device_put(ready, partitioning.tree_shardings(ready, mesh))
    decoder = Decoder(decoder.config, decoder.vocab_size, decoder.dtype, groups)
    return Engine(decoder, ready, vocab, mesh, CPU_CACHE if groups else CACHE)


def span_logits(params: Any, hidden: jax.Array, kind: str, ids: jax.Array | np.ndarray | None = None) -> jax.Array:
    """Final-norm output [...,M] -> float32 logits [...,n] of the span's ids: all of them, or those at indices `ids`."""
    table = params["head"][kind]
    if ids is not None:
        table = table.reshape(-1, table.shape[-1])[ids][None]
    flat = hidden.reshape(-1, hidden.shape[-1])
    logits = grouped_product(flat, table.astype(hidden.dtype), jnp.float32)
    return logits.reshape(*hidden.shape[:-1], -1)
