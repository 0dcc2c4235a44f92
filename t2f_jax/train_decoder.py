"""What one training step of the prefix LM computes: loss, gradient, update, metrics.

Axis legend: B rows, L length, M model width, V vocabulary.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import traverse_util

from t2f_jax import optim, state
from t2f_jax.config import DecoderRunConfig
from t2f_jax.models.decoder import Decoder, run, stack_layers, unstack_layers
from t2f_jax.sequence import TASKS, TO_IMAGE
from t2f_jax.state import State
from t2f_jax.vocab import Vocab

CHUNK = 32  # columns of a batch that the head scores together


class DecoderTrainer:
    """The prefix LM's side of `loop.run`.

    A batch is what `sequence.assemble` gives; `evaluate` also takes "mask" bool [B], False for rows that only fill up
    the batch.
    """

    def __init__(
        self, config: DecoderRunConfig, vocab: Vocab, start: Any = None, codebook_KxE: jax.Array | None = None
    ) -> None:
        """What a run of this config needs.

        Args:
          start: parameters to begin with instead of random ones, layers single or stacked.
          codebook_KxE: the image tokenizer's codes, for `config.codebook_init`.
        """
        self.vocab, self.codebook = vocab, codebook_KxE if config.codebook_init else None
        self.config = config
        self.decoder = Decoder(config.model, vocab.size, jnp.dtype(config.train.compute_dtype))
        self.optimizer = optim.make(config.optim, config.train.steps)
        self.start = start if start is None else (stack_layers if config.model.scan else unstack_layers)(start)

    def init(self, key: jax.Array) -> State:
        """The state before the first step."""
        params = self.start
        if params is None:
            row = jnp.zeros((1, 8), jnp.int32)
            params = self.decoder.init(key, row, row, row)["params"]
            if self.codebook is not None:
                params = _codes_alike(params, self.vocab, self.codebook, self.config.model.init_std, key)
            if self.config.init_biases:
                params = _biases_drawn(params, self.config.model.init_std, key)
        return state.create(params, self.optimizer, self.config.train.ema)

    def step(self, state_: State, batch: dict[str, jax.Array], key: jax.Array) -> tuple[State, dict[str, jax.Array]]:
        """One update; `key` is the step's own (dropout). Metrics: those of `loss`, and grad_norm before clipping."""
        (_, metrics), grads = jax.value_and_grad(self.loss, has_aux=True)(state_.params, batch, key)
        updates, opt_state = self.optimizer.update(grads, state_.opt_state, state_.params)
        params = optax.apply_updates(state_.params, updates)
        ema = state.ema_update(state_.ema, params, state_.step, self.config.train.ema)
        metrics["grad_norm"] = optax.global_norm(grads)
        return dataclasses.replace(state_, step=state_.step + 1, params=params, opt_state=opt_state, ema=ema), metrics

    def evaluate(self, state_: State, batch: dict[str, jax.Array]) -> dict[str, jax.Array]:
        """Metrics of `loss` under the averaged weights, without dropout."""
        return self.loss(state_.weights, batch)[1]

    def export(self, state_: State) -> Any:
        """The parameters to ship: the averaged ones, layers one by one."""
        return unstack_layers(state_.weights)

    def loss(
        self, params: Any, batch: dict[str, jax.Array], key: jax.Array | None = None
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """Weighted mean of the targets' negative log-likelihood (nats a token) and its parts.

        Args:
          key: of the dropout; None: none.

        Returns:
          sum(w nll) / sum(w), and float32 scalars: loss; loss_to_image, loss_to_caption, loss_to_attributes (mean nll
          of that task's targets, NaN where the batch has none); accuracy (share of targets that are the likeliest id).
        """
        tokens = batch["tokens"]
        if key is not None and self.config.tasks.hidden_codes:
            key, hide_key = jax.random.split(key)
            tokens = self._hide_codes(batch, hide_key)
        inputs = (tokens, batch["segments"], batch["positions"])
        rngs = {} if key is None else {"dropout": key}
        hidden = run(self.decoder, params, *inputs, train=key is not None, rngs=rngs, method="hidden")
        weights = batch["weights"]
        if "mask" in batch:
            weights = weights * batch["mask"][:, None]
        nll, right = self.target_nll(params, hidden, batch["targets"], weights)
        loss = _mean(nll, weights)
        target = (weights > 0).astype(jnp.float32)
        metrics = {"loss": loss, "accuracy": _mean(right, target)}
        for task, name in enumerate(TASKS):
            of_task = target * (batch["task"] == task)[:, None]
            metrics[f"loss_{name}"] = jnp.where(of_task.any(), _mean(nll, of_task), jnp.nan)
        return loss, metrics

    def _hide_codes(self, batch: dict[str, jax.Array], key: jax.Array) -> jax.Array:
        """Tokens [B,L] with some image ids of to-image rows replaced by [UNK]; the targets stay.

        A face's codes tell so much of one another that its words seem to add little, and are learned late: a hat that
        has begun goes on without them. Where codes are hidden, words are all there is to tell them from. Each row hides
        its own share of what was read, uniform in 0 .. 2 hidden_codes and at most all of it: rows with every code in
        sight, as generation meets them, occur as well as rows with none.
        """
        share_key, code_key = jax.random.split(key)
        batch_size, length = batch["tokens"].shape
        share = jax.random.uniform(share_key, (batch_size, 1)) * 2 * self.config.tasks.hidden_codes
        hidden = jax.random.uniform(code_key, (batch_size, length)) < share
        hidden &= (batch["task"] == TO_IMAGE)[:, None] & (batch["segments"] >= 2)
        return jnp.where(hidden, self.vocab.unk, batch["tokens"])

    def target_nll(
        self, params: Any, hidden_BxLxM: jax.Array, targets_BxL: jax.Array, weights_BxL: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """Negative log-likelihood of the targets and "was the likeliest" (1 or 0), float32 [B,L]; 0 at other places.

        The head costs a fifth of a step and most places have no target. So every row's targets are moved to its front,
        and the head runs chunk by chunk of columns, skipping those in which no row has a target.
        """
        batch, length = targets_BxL.shape
        spare = -length % CHUNK
        order = jnp.argsort(jnp.pad(weights_BxL, ((0, 0), (0, spare))) <= 0, axis=1, stable=True)

        def split(x: jax.Array) -> jax.Array:
            x = jnp.pad(x, ((0, 0), (0, spare), *[(0, 0)] * (x.ndim - 2)))
            front = jnp.take_along_axis(x, order.reshape(*order.shape, *[1] * (x.ndim - 2)), axis=1)
            return front.reshape(batch, -1, CHUNK, *x.shape[2:]).swapaxes(0, 1)

        def score(hidden: jax.Array, targets: jax.Array, weights: jax.Array) -> tuple[jax.Array, jax.Array]:
            logits = run(self.decoder, params, hidden, method="head")
            chosen = jnp.take_along_axis(logits, targets[..., None], -1)[..., 0]
            best = jax.lax.stop_gradient(logits.max(-1))
            target = (weights > 0).astype(jnp.float32)
            return (jax.nn.logsumexp(logits, -1) - chosen) * target, (chosen >= best) * target

        def skip(hidden: jax.Array, targets: jax.Array, weights: jax.Array) -> tuple[jax.Array, jax.Array]:
            return jnp.zeros(targets.shape), jnp.zeros(targets.shape)

        def one(columns: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            return jax.lax.cond((columns[2] > 0).any(), score, skip, *columns)

        back_BxL = jnp.argsort(order, axis=1)[:, :length]

        def join(x: jax.Array) -> jax.Array:
            return jnp.take_along_axis(x.swapaxes(0, 1).reshape(batch, -1), back_BxL, axis=1)

        nll, right = jax.lax.map(one, (split(hidden_BxLxM), split(targets_BxL), split(weights_BxL)))
        return join(nll), join(right)


def _codes_alike(params: Any, vocab: Vocab, codebook_KxE: jax.Array, std: float, key: jax.Array) -> Any:
    """Image rows of the embedding and of the head drawn so that codes with like vectors begin with like rows.

    A random projection of the standardized vectors, and a third as much noise for what they do not tell apart; entries
    have standard deviation `std`. The model need not learn from scratch which codes look alike.
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


def _biases_drawn(params: Any, std: float, key: jax.Array) -> Any:
    """Biases that stand beside a kernel drawn from N(0, std); those of norms stay."""
    flat: Any = traverse_util.flatten_dict(params)
    biases = [path for path in sorted(flat) if path[-1] == "bias" and (*path[:-1], "kernel") in flat]
    keys = jax.random.split(jax.random.fold_in(key, 2), len(biases))
    drawn = {path: std * jax.random.normal(k, flat[path].shape) for path, k in zip(biases, keys)}
    return traverse_util.unflatten_dict({**flat, **drawn})


def _mean(values: jax.Array, weights: jax.Array) -> jax.Array:
    return jnp.sum(values * weights) / jnp.maximum(jnp.sum(weights), 1e-9)
