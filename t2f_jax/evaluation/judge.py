"""The judge: a small classifier that predicts the attributes of a face, trained only on labelled faces.

It is independent of the generator, so what it recognizes in a generated face is visible in its pixels. It is an
MLP-Mixer (https://arxiv.org/abs/2105.01601), which has only matrix products; two CPU cores train it in about a minute.
Axes: B batch, S image side, P patches, D width, A choice attributes, K number attributes, V values of an attribute.
"""

import dataclasses
import functools
import hashlib
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import traverse_util

from t2f_jax.distributed import partitioning
from t2f_jax.errors import UserError
from t2f_jax.evaluation.interfaces import Advance, ignore
from t2f_jax.io.files import whole_file
from t2f_jax.io.weights import load_tensors, save_params
from t2f_jax.models.label_network import label_loss, split_outputs
from t2f_jax.tokens import ranges
from t2f_jax.tokens.attributes import Attribute, Fields
from t2f_jax.tokens.targets import output_count, targets, value_mask

GRID = 8  # patches along a side
MAX_SIDE = 64  # pixels: larger images whose side is a multiple of this are averaged down to it
BATCH = 64  # images of a training step
PREDICT_BATCH = 256  # images of a prediction
LEARNING_RATE = 3e-3


class Mixer(nn.Module):
    """Patches -> `outputs` numbers for each image. Not pooled, since patches of aligned faces have fixed places."""

    outputs: int
    width: int = 96
    blocks: int = 2

    @nn.compact
    def __call__(self, x_BxPxC: jax.Array) -> jax.Array:
        """float32 [B, P, pixels of a patch x 3] -> float32 [B, outputs]."""
        h_BxPxD = nn.Dense(self.width, name="embed")(x_BxPxC)
        for i in range(self.blocks):
            y_BxDxP = jnp.swapaxes(nn.LayerNorm(name=f"norm_across_{i}")(h_BxPxD), 1, 2)
            y_BxDxP = nn.Dense(GRID**2, name=f"across_{i}_out")(nn.gelu(nn.Dense(64, name=f"across_{i}_in")(y_BxDxP)))
            h_BxPxD = h_BxPxD + jnp.swapaxes(y_BxDxP, 1, 2)
            y_BxPxD = nn.LayerNorm(name=f"norm_within_{i}")(h_BxPxD)
            y_BxPxD = nn.gelu(nn.Dense(2 * self.width, name=f"within_{i}_in")(y_BxPxD))
            h_BxPxD = h_BxPxD + nn.Dense(self.width, name=f"within_{i}_out")(y_BxPxD)
        h_BxPx16 = nn.Dense(16, name="narrow")(nn.LayerNorm(name="norm")(h_BxPxD))
        h_BxD = nn.gelu(nn.Dense(2 * self.width, name="gather")(h_BxPx16.reshape(len(h_BxPx16), -1)))
        return nn.Dense(self.outputs, name="answers")(h_BxD)


def _pixels(images_BxSxSx3: jax.Array) -> jax.Array:
    """uint8 -> float32 in [-1, 1], averaged down to MAX_SIDE pixels a side if that divides the side."""
    x = images_BxSxSx3.astype(jnp.float32) / 127.5 - 1
    side = x.shape[1]
    if side > MAX_SIDE and side % MAX_SIDE == 0:
        k = side // MAX_SIDE
        x = x.reshape(len(x), MAX_SIDE, k, MAX_SIDE, k, 3).mean((2, 4))
    return x


def _patches(x_BxSxSx3: jax.Array) -> jax.Array:
    """[B, S, S, 3] -> [B, GRID * GRID, (S / GRID)^2 * 3]."""
    b, side = x_BxSxSx3.shape[:2]
    x = x_BxSxSx3.reshape(b, GRID, side // GRID, GRID, side // GRID, 3)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(b, GRID**2, -1)


def _augment(x_BxSxSx3: jax.Array, key: jax.Array) -> jax.Array:
    """Blurs images, shifts them by at most a pixel and adds noise, as an image tokenizer does to generated faces.

    Blur and shift of an image are one [S, S] matrix for its rows and one for its columns; pixels at the edges repeat.
    """
    blur, shift, level, noise = jax.random.split(key, 4)
    b, side = x_BxSxSx3.shape[:2]
    kernel = np.zeros((side, side), np.float32)
    for tap, weight in ((-2, 1), (-1, 4), (0, 6), (1, 4), (2, 1)):
        np.add.at(kernel, (np.arange(side), np.clip(np.arange(side) + tap, 0, side - 1)), weight / 16)
    strength_Bx1x1 = 1.3 * jnp.maximum(jax.random.uniform(blur, (b, 1, 1), minval=-0.5), 0)  # a third stay sharp
    matrix_BxSxS = jnp.eye(side) + strength_Bx1x1 * (kernel - jnp.eye(side))
    by_2xBx1 = jax.random.randint(shift, (2, b, 1), -1, 2)
    down, right = (
        jnp.take_along_axis(matrix_BxSxS, jnp.clip(jnp.arange(side) + by, 0, side - 1)[:, :, None], 1)
        for by in by_2xBx1
    )
    x = jnp.einsum("bij,bjkc->bikc", down, x_BxSxSx3)
    x = jnp.einsum("bkl,bilc->bikc", right, x)
    level_Bx1x1x1 = jax.random.uniform(level, (b, 1, 1, 1), maxval=0.2)
    return x + level_Bx1x1x1 * jax.random.uniform(noise, x.shape, minval=-1)


@dataclasses.dataclass(frozen=True)
class Judge:
    """A trained classifier."""

    schema: tuple[Attribute, ...]
    params: Any

    def answers(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """uint8 [B, S, S, 3] -> {attribute: log probabilities [B, V], or estimates of a number [B]}."""
        _check_side(images)
        parts = []
        for start in range(0, len(images), PREDICT_BATCH):
            part = np.asarray(images[start : start + PREDICT_BATCH])
            pad = np.zeros((PREDICT_BATCH - len(part), *part.shape[1:]), np.uint8)
            outputs = _apply(output_count(self.schema), self.params, np.concatenate([part, pad]))
            parts.append(np.asarray(outputs)[: len(part)])
        out = np.concatenate(parts) if parts else np.zeros((0, output_count(self.schema)), np.float32)
        logp_NxAxV, numbers_NxK = (np.asarray(x) for x in split_outputs(jnp.asarray(out), value_mask(self.schema)))
        answers, choice, number = {}, 0, 0
        for a in self.schema:
            if a.is_number:
                answers[a.name] = np.clip(a.low + numbers_NxK[:, number] * (a.high - a.low), a.low, a.high)
                number += 1
            else:
                answers[a.name] = logp_NxAxV[:, choice, : len(a.values)]
                choice += 1
        return answers

    @property
    def hash(self) -> str:
        """Hash of its weights."""
        digest = hashlib.sha256()
        for name, values in sorted(traverse_util.flatten_dict(self.params, sep=".").items()):
            digest.update(name.encode() + np.asarray(values).tobytes())
        return digest.hexdigest()

    def predict(self, images: np.ndarray) -> list[dict[str, str | int]]:
        """uint8 [B, S, S, 3] -> per face {attribute: most probable value, a number as int}."""
        answers = self.answers(images)
        columns: dict[str, list[str | int]] = {}
        for a in self.schema:
            if a.is_number:
                columns[a.name] = [round(float(v)) for v in answers[a.name]]
            else:
                columns[a.name] = [a.values[int(v)] for v in answers[a.name].argmax(-1)]
        return [{name: values[i] for name, values in columns.items()} for i in range(len(images))]

    def accuracy(self, images: np.ndarray, fields: Sequence[Fields]) -> dict[str, float]:
        """{attribute: accuracy, or for a number the mean absolute error}; unknown labels do not count."""
        predicted = self.predict(images)
        result = {}
        for a in self.schema:
            pairs = [
                (p[a.name], f["attributes"][a.name]) for p, f in zip(predicted, fields) if a.name in f["attributes"]
            ]
            if pairs and a.is_number:
                result[a.name] = float(np.mean([ranges.distance(t, int(p)) for p, t in pairs]))
            elif pairs:
                result[a.name] = float(np.mean([p == t for p, t in pairs]))
        return result

    def mean_accuracy(self, images: np.ndarray, fields: Sequence[Fields]) -> float | None:
        """The mean of `accuracy` over the choice attributes that any face has a label for; None if there is none."""
        shares = self.accuracy(images, fields)
        known = [shares[a.name] for a in self.schema if not a.is_number and a.name in shares]
        return float(np.mean(known)) if known else None


def train(
    images: np.ndarray,
    fields: Sequence[Fields],
    schema: Sequence[Attribute],
    steps: int,
    seed: int,
    advance: Advance = ignore,
) -> Judge:
    """Trains a judge on labelled faces. The same arguments give the same judge.

    Args:
      images: uint8 [N, S, S, 3], S a multiple of 8.
      fields: N records; nothing is learned from an attribute that a record lacks.
      steps: updates of BATCH faces each.
      advance: called with 1 after each step.

    Raises:
      UserError: there is no face, or S is not a multiple of 8.
    """
    if not len(images):
        raise UserError("the judge has no face to learn from; give the source a training split with faces")
    _check_side(images)
    schema = tuple(schema)
    choices_NxA, numbers_NxK = targets(fields, schema)
    init, step = _training(schema, steps)
    state = init(jax.random.key(seed, impl="rbg"), jnp.asarray(images[:1]))
    mesh = partitioning.sharing_mesh(BATCH, alone=True)
    for i in range(steps):
        rows = np.random.default_rng((seed, i)).integers(len(images), size=BATCH)
        key = jax.random.fold_in(jax.random.key(seed, impl="rbg"), i)
        batch = {"images": images[rows], "choices": choices_NxA[rows], "numbers": numbers_NxK[rows]}
        batch = partitioning.put_batch(batch, mesh)
        jax.block_until_ready(state)  # several CPU devices can deadlock in a collective when steps queue up
        state = step(state, **batch, key=key)
        advance(1)
    return Judge(schema, jax.device_get(state[0]))


def save(path: pathlib.Path, judge: Judge) -> None:
    """Writes a judge's weights as safetensors, whole or not at all."""
    with whole_file(path) as partial:
        save_params(partial, judge.params)


def load(path: pathlib.Path, schema: Sequence[Attribute]) -> Judge:
    """The judge that `save` wrote. Raises UserError for a broken file."""
    return Judge(tuple(schema), traverse_util.unflatten_dict(load_tensors(path), sep="."))


def _check_side(images: np.ndarray) -> None:
    if images.shape[1] % GRID:
        raise UserError(
            f"the judge takes images whose side is a multiple of {GRID} pixels; these have {images.shape[1]}: set"
            f" data.image_size to a multiple of {GRID}"
        )


@functools.partial(jax.jit, static_argnums=0)
def _apply(outputs: int, params: Any, images_BxSxSx3: jax.Array) -> jax.Array:
    return Mixer(outputs).apply({"params": params}, _patches(_pixels(images_BxSxSx3)))  # type: ignore[return-value]


@functools.cache
def _training(schema: tuple[Attribute, ...], steps: int) -> tuple[Callable, Callable]:
    """The jitted `init(key, images) -> state` and `step(state, images, choices, numbers, key) -> state` of one run."""
    model, mask = Mixer(output_count(schema)), value_mask(schema)
    rate = optax.warmup_cosine_decay_schedule(0.0, LEARNING_RATE, max(1, min(50, steps // 5)), max(2, steps))
    optimizer = optax.flatten(  # one vector: compiles in a fraction of the time
        optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(rate, b2=0.99, weight_decay=0.02))
    )

    def loss(
        params: Any, images: jax.Array, choices_BxA: jax.Array, numbers_BxK: jax.Array, key: jax.Array
    ) -> jax.Array:
        out: Any = model.apply({"params": params}, _patches(_augment(_pixels(images), key)))
        return label_loss(out, choices_BxA, numbers_BxK, mask)

    @jax.jit
    def init(key: jax.Array, images: jax.Array) -> tuple[Any, Any]:
        params = model.init(key, _patches(_pixels(images)))["params"]
        return params, optimizer.init(params)

    @jax.jit
    def step(state: tuple[Any, Any], images: jax.Array, choices: jax.Array, numbers: jax.Array, key: jax.Array) -> Any:
        params, opt_state = state
        updates, opt_state = optimizer.update(jax.grad(loss)(params, images, choices, numbers, key), opt_state, params)
        return optax.apply_updates(params, updates), opt_state

    return init, step
