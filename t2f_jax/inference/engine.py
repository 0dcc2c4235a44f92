"""A decoder made ready for use: layers one by one, weights in the layout that this machine reads fastest.

Training, checkpoints and model folders hold kernels [in, out] and one head over the joint vocabulary. What generates
and scores holds (converted once, when a model is loaded):

    embed, final_norm, layer_i    as `models.decoder` has them, kernels grouped (`models.dense`) on a CPU
    head/text [G,text_size/G,M]   the head's rows of the text ids, which a text or an answer may emit
    head/image [G,image_size/G,M] those of the image ids, which an image may emit: a span pays only for its own rows
"""

import concurrent.futures
import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from t2f_jax.distributed.partitioning import batch_shardings, make_mesh, tree_shardings
from t2f_jax.errors import UserError
from t2f_jax.models.decoder import Decoder
from t2f_jax.models.dense import grouped, grouped_product, groups_here
from t2f_jax.models.params import unstack_layers
from t2f_jax.tokens.vocab import Vocab


@dataclasses.dataclass(frozen=True)
class Engine:
    """What `sampling` and `scoring` run. Make it with `prepare`."""

    decoder: Decoder
    params: Any
    vocab: Vocab
    mesh: Mesh

    def check_length(self, longest: int) -> None:
        """Raises UserError if a row of `longest` ids might not fit a learned position table."""
        config = self.decoder.config
        if config.positions == "learned" and longest + config.image_position > config.max_length:
            raise UserError(
                f"a row of {longest} ids exceeds the model's {config.max_length} positions; shorten prompt or answer"
            )

    def spread(self, rows: dict[str, np.ndarray]) -> dict[str, jax.Array]:
        """Arrays with one axis of rows first -> on the devices, the rows spread over the mesh's batch axes."""
        return jax.device_put(rows, batch_shardings(rows, self.mesh))


def prepare(decoder: Decoder, params: Any, vocab: Vocab, mesh: Mesh | None = None, groups: int | None = None) -> Engine:
    """A decoder and its parameters (as in training, layers single or stacked) -> an engine.

    Args:
      mesh: weights are shared out by `partitioning`'s rules, rows over its batch axes; if not given, all devices of
        this process hold all weights and share the rows.
      groups: of the kernels' outputs, see `models.dense`; what suits this machine if not given.
    """
    mesh = make_mesh("", jax.local_devices()) if mesh is None else mesh
    groups = groups_here(mesh.size) if groups is None else groups
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
        ready = jax.device_put(ready, tree_shardings(ready, mesh))
    single = dataclasses.replace(decoder.config, scan=False)
    return Engine(Decoder(single, decoder.vocab_size, decoder.dtype, groups), ready, vocab, mesh)


def span_logits(params: Any, hidden: jax.Array, kind: str, ids: jax.Array | None = None) -> jax.Array:
    """Final-norm output [...,M] -> float32 logits [...,n] of the span's ids: all of them, or those at places `ids`."""
    table = params["head"][kind]
    if ids is not None:
        table = table.reshape(-1, table.shape[-1])[ids][None]
    flat = hidden.reshape(-1, hidden.shape[-1])
    logits = grouped_product(flat, table.astype(hidden.dtype), jnp.float32)
    return logits.reshape(*hidden.shape[:-1], -1)
