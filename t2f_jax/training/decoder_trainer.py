"""What one training step of the prefix LM computes: loss, gradient, update, metrics.

Axis legend: B rows, L length, M model width, V vocabulary.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import traverse_util

from t2f_jax.config.schema import DecoderConfig, DecoderRunConfig
from t2f_jax.models import flops
from t2f_jax.models.attention_kernels import count_visible
from t2f_jax.models.decoder import Decoder, apply_decoder
from t2f_jax.models.dense import rounds
from t2f_jax.models.params import init_decoder, stack_layers, unstack_layers
from t2f_jax.tokens.sequence import TASKS, TO_IMAGE
from t2f_jax.tokens.vocab import Vocab
from t2f_jax.training import optim, token_loss
from t2f_jax.training.state import State, create_state, update_ema

Batch = dict[str, jax.Array]  # the arrays of a batch from `sequence.assemble` or `packing.pack`, on the devices


class DecoderTrainer:
    """The prefix LM as `program.Trainer`.

    Batches come from `sequence.assemble` or `packing.pack`; `evaluate` also takes "mask" bool [B], False for rows that
    only pad the batch.
    """

    def __init__(
        self, config: DecoderRunConfig, vocab: Vocab, start: Any = None, codebook_KxE: jax.Array | None = None
    ) -> None:
        """Prepares a run of this config.

        Args:
          start: initial parameters instead of random ones, layers single or stacked.
          codebook_KxE: vectors of the image tokenizer's codes, for `config.codebook_init`.
        """
        self.vocab, self.codebook = vocab, codebook_KxE if config.codebook_init else None
        self.config = config
        rows = -(-vocab.size // config.vocab_multiple) * config.vocab_multiple
        max_example_length = config.sequence_length if config.pack > 1 else 0
        dtype, stacked = jnp.dtype(config.train.compute_dtype), config.model.scan
        self.decoder = Decoder(config.model, rows, dtype, max_example_length=max_example_length, stacked=stacked)
        self.optimizer = optim.make(config.optim, config.train.steps)
        self.start = start
        if start is not None:
            self.start = _resize_tables((stack_layers if stacked else unstack_layers)(start), rows)

    def init(self, key: jax.Array) -> State:
        """The state before the first step."""
        params = self.start
        if params is None:
            params = init_decoder(self.decoder, key)
            if self.codebook is not None:
                params = _init_codes_alike(params, self.vocab, self.codebook, self.config.model.init_std, key)
            if self.config.init_biases:
                params = _draw_biases(params, self.config.model.init_std, key)
        return create_state(params, self.optimizer, self.config.train.ema)

    def step(self, state: State, batch: Batch, key: jax.Array) -> tuple[State, dict[str, jax.Array]]:
        """One update; `key` is this step's own, for dropout.

        Metrics: those of `loss`; grad_norm before clipping; and the counts from which the loop computes rates:
        sequences, tokens (without padding) and model_flops.
        """
        metrics, grads = self.gradient(state.params, batch, key)
        updates, opt_state = self.optimizer.update(grads, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        ema = update_ema(state.ema, params, state.step, self.config.train.ema)
        metrics |= {"grad_norm": optax.global_norm(grads), **count_work(self.config.model, self.vocab.size, batch)}
        return dataclasses.replace(state, step=state.step + 1, params=params, opt_state=opt_state, ema=ema), metrics

    def gradient(self, params: Any, batch: Batch, key: jax.Array) -> tuple[dict[str, jax.Array], Any]:
        """Metrics of `loss` and its gradient, accumulated over `config.accumulate` parts of the batch (0: one).

        A part takes every accumulate-th row, so that each device keeps its own rows.
        """
        parts = max(self.config.accumulate, 1)
        scale = 1 / jnp.maximum(jnp.sum(batch["weights"]), 1e-9)

        def weighted(params: Any, batch: Batch, key: jax.Array) -> tuple[jax.Array, jax.Array]:
            sums = self._sums(params, batch, key)
            return sums[0] * scale, sums

        compute = jax.value_and_grad(weighted, has_aux=True)
        if parts == 1:
            (_, sums), grads = compute(params, batch, key)
            return self._metrics(sums, batch), grads

        def add(total: Any, part: tuple[Batch, jax.Array]) -> tuple[Any, None]:
            (_, sums), grads = compute(params, *part)
            return jax.tree.map(jnp.add, total, (sums, grads)), None

        split = {k: x.reshape(len(x) // parts, parts, *x.shape[1:]).swapaxes(0, 1) for k, x in batch.items()}
        nothing = jnp.zeros(token_loss.SUMS), jax.tree.map(jnp.zeros_like, params)
        (sums, grads), _ = jax.lax.scan(add, nothing, (split, jax.random.split(key, parts)))
        return self._metrics(sums, batch), grads

    def evaluate(self, state: State, batch: Batch) -> dict[str, jax.Array]:
        """Metrics of `loss` under the averaged weights, without dropout."""
        return self.loss(state.weights, batch)[1]

    def export(self, state: State) -> Any:
        """The parameters to export: the averaged ones, single layers, tables without rows beyond the vocabulary."""
        return _resize_tables(unstack_layers(state.weights), self.vocab.size)

    def loss(self, params: Any, batch: Batch, key: jax.Array | None = None) -> tuple[jax.Array, dict[str, jax.Array]]:
        """Weighted mean of the targets' negative log-likelihood (nats a token) and its parts.

        Args:
          key: for dropout; None: no dropout.

        Returns:
          sum(w nll) / sum(w), and float32 scalars: loss; loss_to_image, loss_to_caption, loss_to_attributes (mean nll
          of that task's targets, NaN if the batch has none); accuracy (share of targets that are the most likely id);
          padding_fraction (share of the batch's places without an id).
        """
        metrics = self._metrics(self._sums(params, batch, key), batch)
        return metrics["loss"], metrics

    def _sums(self, params: Any, batch: Batch, key: jax.Array | None) -> jax.Array:
        """`token_loss.target_sums` of a batch."""
        tokens = batch["tokens"]
        if key is not None and self.config.tasks.hidden_codes:
            key, mask_key = jax.random.split(key)
            tokens = self._mask_codes(batch, mask_key)
        rngs = None if key is None else {"dropout": key}
        inputs = (tokens, batch["segments"], batch["positions"], batch.get("documents"))
        hidden = apply_decoder(self.decoder, params, *inputs, train=key is not None, rngs=rngs, method="hidden")
        if rounds(self.config.model.products):
            hidden = hidden.astype(jnp.bfloat16)  # the head multiplies in this type, with float32 sums
        table = params["embed"]["word"] if self.config.model.tie else params["head"]["weight"]
        return token_loss.target_sums(
            hidden, table, batch["targets"], weights_of(batch), task_of_places(batch), self.vocab.size
        )

    def _metrics(self, sums: jax.Array, batch: Batch) -> dict[str, jax.Array]:
        """`target_sums` -> the scalars that `loss` returns."""
        weighted, right, targets, *by_task = sums
        metrics = {
            "loss": weighted / jnp.maximum(jnp.sum(weights_of(batch)), 1e-9),
            "accuracy": right / jnp.maximum(targets, 1e-9),
            "padding_fraction": jnp.mean(batch["segments"] == 0, dtype=jnp.float32),
        }
        for name, nll, count in zip(TASKS, by_task[::2], by_task[1::2]):
            metrics[f"loss_{name}"] = jnp.where(count > 0, nll / jnp.maximum(count, 1), jnp.nan)
        return metrics

    def _mask_codes(self, batch: Batch, key: jax.Array) -> jax.Array:
        """Tokens [B,L] with some image ids of to-image rows replaced by [UNK]; the targets stay.

        A face's codes predict one another so well that its text seems to add little, and the model learns to use the
        text late: a hat can be continued without it. Masked codes can be predicted only from the text. Each example
        masks its own share of its codes, drawn uniformly from 0 to twice `tasks.hidden_codes`, at most all of them. So
        there are examples with all codes visible, as in generation, and with none.
        """
        share_key, code_key = jax.random.split(key)
        batch_size, length = batch["tokens"].shape
        documents = batch.get("documents", jnp.ones_like(batch["tokens"]))
        share = jax.random.uniform(share_key, (batch_size, self.config.pack)) * 2 * self.config.tasks.hidden_codes
        share = jnp.take_along_axis(share, jnp.maximum(documents - 1, 0), axis=1)
        masked = jax.random.uniform(code_key, (batch_size, length)) < share
        masked &= (task_of_places(batch) == TO_IMAGE) & (batch["segments"] >= 2)
        return jnp.where(masked, self.vocab.unk, batch["tokens"])


def count_work(model: DecoderConfig, vocab_size: int, batch: Batch) -> dict[str, jax.Array]:
    """The work of a training step on a batch, float32 scalars: sequences, tokens, model_flops (see `models.flops`)."""
    ids = jnp.sum(batch["segments"] > 0, dtype=jnp.float32)
    targets = jnp.sum(batch["weights"] > 0, dtype=jnp.float32)
    visible = jnp.sum(count_visible(batch["segments"], batch.get("documents"), model.mask), dtype=jnp.float32)
    rows = len(batch["tokens"])
    sequences = jnp.sum(jnp.max(batch["documents"], 1), dtype=jnp.float32) if "documents" in batch else float(rows)
    model_flops = flops.training(model, vocab_size, ids, targets, visible)
    return {"sequences": jnp.float32(sequences), "tokens": ids, "model_flops": model_flops}


def weights_of(batch: Batch) -> jax.Array:
    """Loss weights [B,L], 0 in rows that only pad a batch."""
    return batch["weights"] * batch["mask"][:, None] if "mask" in batch else batch["weights"]


def task_of_places(batch: Batch) -> jax.Array:
    """int32 [B,L]: the row's task or, in packed rows, that of the example at each place."""
    task = batch["task"]
    return task if task.ndim == 2 else jnp.broadcast_to(task[:, None], batch["tokens"].shape)


def _resize_tables(params: Any, rows: int) -> Any:
    """Cuts the tables over the vocabulary to `rows` rows, or pads them with rows of zeros."""

    def fitted(table: jax.Array) -> jax.Array:
        return jnp.pad(table[:rows], ((0, max(rows - table.shape[0], 0)), (0, 0)))

    params = {**params, "embed": {**params["embed"], "word": fitted(params["embed"]["word"])}}
    return {**params, "head": {"weight": fitted(params["head"]["weight"])}} if "head" in params else params


def _init_codes_alike(params: Any, vocab: Vocab, codebook_KxE: jax.Array, std: float, key: jax.Array) -> Any:
    """Draws the image rows of the embedding and of the head so that codes with similar vectors start with similar rows.

    A row is a random projection of its code's standardized vector, plus noise a third as large; entries have standard
    deviation `std`. The model then starts with the similarity of codes instead of having to learn it.
    """
    vectors = (codebook_KxE - codebook_KxE.mean(0)) / (codebook_KxE.std(0) + 1e-6)
    first, count = vocab.image_span
    width = params["embed"]["word"].shape[1]

    def rows(key: jax.Array) -> jax.Array:
        projection_key, noise_key = jax.random.split(key)
        projection = jax.random.normal(projection_key, (vectors.shape[1], width)) * vectors.shape[1] ** -0.5
        drawn = vectors @ projection + jax.random.normal(noise_key, (count, width)) / 3
        return drawn * (std / (1 + 1 / 9) ** 0.5)

    embed_key, head_key = jax.random.split(jax.random.fold_in(key, 1))
    params = {**params, "embed": {**params["embed"]}}
    params["embed"]["word"] = params["embed"]["word"].at[first : first + count].set(rows(embed_key))
    if "head" in params:
        weight = params["head"]["weight"].at[first : first + count].set(rows(head_key))
        params["head"] = {**params["head"], "weight": weight}
    return params


def _draw_biases(params: Any, std: float, key: jax.Array) -> Any:
    """Draws the biases of dense layers (those with a kernel) from N(0, std); those of norms stay 0."""
    flat: Any = traverse_util.flatten_dict(params)
    biases = [path for path in sorted(flat) if path[-1] == "bias" and (*path[:-1], "kernel") in flat]
    keys = jax.random.split(jax.random.fold_in(key, 2), len(biases))
    drawn = {path: std * jax.random.normal(k, flat[path].shape) for path, k in zip(biases, keys)}
    return traverse_util.unflatten_dict({**flat, **drawn})
