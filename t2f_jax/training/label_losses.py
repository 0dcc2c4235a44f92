"""Losses of the image tokenizer that use the faces' labels, by networks that are trained together with it.

One network predicts the labels from pixels; its features of an image and of the reconstruction are compared
(`image.loss.labels`). The other predicts them from the coarsest codes (`image.loss.code_labels`). Neither is exported.

Axes: B batch, R pixels of a side, S side of the coarsest grid of codes, E code width.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from t2f_jax.config.schema import ImageTokenizerConfig
from t2f_jax.errors import UserError
from t2f_jax.models.label_network import CodeReader, LabelNetwork, label_distance, label_loss
from t2f_jax.tokens import targets
from t2f_jax.tokens.attributes import Attribute
from t2f_jax.training import optim

PIXELS, CODES = "labels", "code_labels"  # keys of `State.extra`, each {"params", "opt_state"} of a network


class Learned(NamedTuple):
    """The results of a step."""

    extra: dict[str, Any]  # the networks after the step, by their keys
    loss: jax.Array  # the tokenizer's loss by these networks, weighted, scalar
    by_recon: jax.Array | None  # its gradient with respect to the reconstructions [B, R, R, 3]
    by_codes: jax.Array | None  # ... and to the coarsest vectors [B, S, S, E]; None if no loss uses it
    metrics: dict[str, jax.Array]


class LabelLosses:
    """The networks that a config requires.

    Raises:
      UserError: `image.loss.labels` or `code_labels` is set, but the faces have no labels.
    """

    def __init__(self, config: ImageTokenizerConfig, schema: Sequence[Attribute] = ()) -> None:
        self._weight, self._code_weight = config.loss.labels, config.loss.code_labels
        self._side, self._width = config.model.grids[0], config.model.embed_dim
        for key, weight in (("labels", self._weight), ("code_labels", self._code_weight)):
            if weight > 0 and not schema:
                raise UserError(f"image.loss.{key} needs faces with labels; these sources have none: set it to 0")
        self._mask = targets.value_mask(schema)
        outputs = targets.output_count(schema)
        self._network = LabelNetwork(outputs, config.loss.labels_ch) if self._weight > 0 else None
        self._reader = CodeReader(outputs) if self._code_weight > 0 else None
        self._optimizer = optim.make(config.optim, config.train.steps)

    @property
    def read_codes(self) -> bool:
        """Whether there is a network that reads codes."""
        return self._reader is not None

    def init(self, key: jax.Array, image: jax.Array) -> dict[str, Any]:
        """The networks before the first step, by their keys of `State.extra`; image: fp32 [1, R, R, 3]."""
        networks = {}
        if self._network:
            networks[PIXELS] = self._network.init(jax.random.fold_in(key, 1), image)["params"]
        if self._reader:
            vectors = jnp.zeros((1, self._side, self._side, self._width))
            networks[CODES] = self._reader.init(jax.random.fold_in(key, 2), vectors)["params"]
        return {k: {"params": params, "opt_state": self._optimizer.init(params)} for k, params in networks.items()}

    def step(
        self,
        extra: Mapping[str, Any],
        batch: Mapping[str, jax.Array],
        image: jax.Array,
        recon: jax.Array,
        coarse_BxSxSxE: jax.Array | None,
        key: jax.Array,
    ) -> Learned:
        """Trains each network on the batch's labels, and computes the tokenizer's loss and gradients.

        Args:
          extra: `State.extra`.
          batch: with the faces' "choices" and "numbers" (`tokens.targets.targets`).
          image, recon: [B, R, R, 3] in [-1, 1].
          coarse_BxSxSxE: the vectors of the coarsest codes, if a network reads them.
          key: for dropout.
        """
        learned = Learned({}, jnp.zeros(()), None, None, {})
        if self._network:
            new, distance, push, loss = self._look(self._network, extra[PIXELS], batch, image, recon)
            metrics = {"label_distance": distance, "label_loss": loss}
            learned = Learned({PIXELS: new}, self._weight * distance, self._weight * push, None, metrics)
        if self._reader:
            assert coarse_BxSxSxE is not None
            new, loss, push = self._read(self._reader, extra[CODES], batch, coarse_BxSxSxE, key)
            learned = learned._replace(
                extra={**learned.extra, CODES: new},
                loss=learned.loss + self._code_weight * loss,
                by_codes=self._code_weight * push,
                metrics={**learned.metrics, "code_label_loss": loss},
            )
        return learned

    def distance(self, extra: Mapping[str, Any], recon: jax.Array, image: jax.Array) -> jax.Array | None:
        """Distance of two images by the pixel network, fp32 [B]; None if there is no such network."""
        return label_distance(self._network, extra[PIXELS]["params"], recon, image) if self._network else None

    def _look(self, network: LabelNetwork, old: Any, batch: Any, image: jax.Array, recon: jax.Array) -> Any:
        """-> (the network after the step, its distance of the pair, the gradient of that by `recon`, its loss)."""

        def distance_of(x: jax.Array) -> jax.Array:
            return label_distance(network, old["params"], x, image).mean()

        def loss_of(params: Any) -> jax.Array:
            outputs: Any = network.apply({"params": params}, image)
            return label_loss(outputs[0], batch["choices"], batch["numbers"], self._mask)

        distance, push = jax.value_and_grad(distance_of)(recon)
        loss, grads = jax.value_and_grad(loss_of)(old["params"])
        return self._updated(old, grads), distance, push, loss

    def _read(self, reader: CodeReader, old: Any, batch: Any, coarse_BxSxSxE: jax.Array, key: jax.Array) -> Any:
        """-> (the network after the step, its loss, the gradient of that by the codes' vectors)."""

        def loss_of(params: Any, vectors: jax.Array) -> jax.Array:
            outputs: Any = reader.apply({"params": params}, vectors, True, rngs={"dropout": key})
            return label_loss(outputs, batch["choices"], batch["numbers"], self._mask)

        loss, (grads, push) = jax.value_and_grad(loss_of, argnums=(0, 1))(old["params"], coarse_BxSxSxE)
        return self._updated(old, grads), loss, push

    def _updated(self, old: Any, grads: Any) -> dict[str, Any]:
        updates, opt_state = self._optimizer.update(grads, old["opt_state"], old["params"])
        return {"params": optax.apply_updates(old["params"], updates), "opt_state": opt_state}
