"""A trainer compiled for a mesh: the loop runs it; a plan compiles it for chips that are not rented yet."""

from collections.abc import Mapping
from typing import Any, Protocol

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from t2f_jax.config.schema import TrainConfig
from t2f_jax.distributed import partitioning
from t2f_jax.training.state import State

Batch = Mapping[str, Any]  # NumPy arrays by name: `tokens.sequence.Batch`, or images


class Trainer(Protocol):
    """The interface of trainers. All three methods are pure; `Program` jits them."""

    def init(self, key: jax.Array, /) -> State:
        """The state before the first step."""
        ...

    def step(self, state: State, batch: dict[str, jax.Array], key: jax.Array, /) -> tuple[State, dict[str, jax.Array]]:
        """One update: adds 1 to `state.step`. Returns scalars to record, including "loss". `key` is this step's own."""
        ...

    def evaluate(self, state: State, batch: dict[str, jax.Array], /) -> dict[str, jax.Array]:
        """Means over a batch's rows (those where "mask" is true, if it has one), including "loss"."""
        ...


class Program:
    """A trainer's jitted functions for a mesh. Call them under `jax.set_mesh(program.mesh)`.

    Attributes:
      abstract: shapes, types and shardings of the state; a checkpoint is restored into it.
      step: (state, batch) -> (next state, scalars). The old state's memory is donated to the new one.
      evaluate: (state, batch) -> (means over the batch's rows, number of rows that count).
      finite: state -> whether every parameter is a finite number.
    """

    def __init__(self, trainer: Trainer, config: TrainConfig, mesh: Mesh):
        """Compiles nothing yet.

        Args:
          mesh: its devices need not exist if only `lower_step` is called.

        Raises:
          UserError: the mesh's devices cannot share the rows of a batch equally.
        """
        partitioning.check_batch(config.batch_size, mesh)
        self.batch_size, self.mesh = config.batch_size, mesh

        def init() -> State:
            return trainer.init(jax.random.key(config.seed))

        shapes = jax.eval_shape(init)
        shardings = partitioning.tree_shardings(shapes, mesh)
        self.abstract = partitioning.abstract(shapes, shardings)

        def step(state: State, batch: dict[str, jax.Array]) -> tuple[State, dict[str, jax.Array]]:
            key = jax.random.fold_in(jax.random.key(config.seed), state.step)
            return trainer.step(state, batch, key)

        def finite(state: State) -> jax.Array:
            floats = [x for x in jax.tree.leaves(state.params) if jnp.issubdtype(x.dtype, jnp.floating)]
            return jnp.all(jnp.stack([jnp.all(jnp.isfinite(x)) for x in floats]))

        def evaluate(state: State, batch: dict[str, jax.Array]) -> tuple[dict[str, jax.Array], jax.Array]:
            rows = batch["mask"].sum() if "mask" in batch else jnp.float32(len(jax.tree.leaves(batch)[0]))
            return trainer.evaluate(state, batch), rows

        self._init = jax.jit(init, out_shardings=shardings)
        # A batch keeps the sharding that `partitioning.put_batch` gave it.
        self.step = jax.jit(step, in_shardings=(shardings, None), out_shardings=(shardings, None), donate_argnums=0)
        self.evaluate = jax.jit(evaluate, in_shardings=(shardings, None))
        self.finite = jax.jit(finite, in_shardings=(shardings,))

    def init(self) -> State:
        """The state before the first step; each device makes its own part."""
        return self._init()

    def put(self, batch: Batch) -> dict[str, jax.Array]:
        """Puts a batch on the devices; one process of several provides its own rows."""
        return partitioning.put_batch(dict(batch), self.mesh, self.batch_size)

    def lower_step(self, batch: dict[str, jax.ShapeDtypeStruct]) -> jax.stages.Lowered:
        """Lowers `step` for a batch of such arrays, in the layout of `put`; nothing runs."""
        with jax.set_mesh(self.mesh):
            placed = partitioning.abstract(batch, partitioning.batch_shardings(batch, self.mesh))
            return self.step.lower(self.abstract, placed)
