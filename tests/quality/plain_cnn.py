"""A plain convolutional network for age, gender, ethnicity and CelebA's attributes, trained on the train parts alone.

    python tests/quality/plain_cnn.py --out runs/plain_cnn --copies runs/faces/store/copies.jsonl [--split test]

It is the baseline that one joint model is set beside, and the judge of attributes for `judge_faces.py`.
"""

import argparse
import json
import pathlib
import pickle

import faces_of_splits as data
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from t2f_jax.io import progress

AGES = data.AGE.high + 1
BATCH = 64


class PlainCNN(nn.Module):
    """Patches of 4x4 pixels, then three levels of a residual block; dropout 0.2 before the outputs."""

    ch: int = 64

    @nn.compact
    def __call__(self, x_Bx64x64x3: jax.Array, train: bool = False) -> dict[str, jax.Array]:
        """Images in [-1, 1] -> logits of the 40 attributes, of the ethnicities, of the ages in years."""

        def active(x: jax.Array) -> jax.Array:
            return nn.silu(nn.GroupNorm(8)(x))

        x = x_Bx64x64x3.reshape(-1, 16, 4, 16, 4, 3).swapaxes(2, 3).reshape(-1, 16, 16, 48)
        x = nn.Conv(self.ch, (3, 3))(x)
        for level in range(3):
            channels = self.ch * 2**level
            if level:
                x = nn.Conv(channels, (2, 2), (2, 2))(active(x))
            x = x + nn.Conv(channels, (3, 3))(active(nn.Conv(channels, (3, 3))(active(x))))
        x = nn.Dropout(0.2, deterministic=not train)(active(x).mean((1, 2)))
        out = nn.Dense(len(data.ATTRIBUTES) + len(data.ETHNICITIES) + AGES)(x)
        attributes, ethnicity, age = jnp.split(out, [40, 40 + len(data.ETHNICITIES)], axis=1)
        return {"attributes": attributes, "ethnicity": ethnicity, "age": age}


def loss_of(out: dict[str, jax.Array], attributes: jax.Array, ethnicity: jax.Array, age: jax.Array) -> jax.Array:
    """Cross-entropies over known labels: the attributes' (gender four times) twice, ethnicity and age by half.

    An age's target is a normal distribution about it, of deviation 1 + 8% of the age.
    """
    known = attributes >= 0
    each = jnp.where(known, optax.sigmoid_binary_cross_entropy(out["attributes"], jnp.maximum(attributes, 0)), 0)
    total = 2 * each.at[:, data.GENDER].multiply(4.0).sum() / known.sum()
    soft = jax.nn.softmax(-jnp.square(jnp.arange(AGES) - age[:, None]) / (2 * (1 + 0.08 * age[:, None]) ** 2))
    for logits, target, seen in (
        (out["ethnicity"], jax.nn.one_hot(ethnicity, len(data.ETHNICITIES)), ethnicity >= 0),
        (out["age"], soft, age >= 0),
    ):
        cross = jnp.where(seen, optax.softmax_cross_entropy(logits, target), 0)
        total += 0.5 * cross.sum() / jnp.maximum(seen.sum(), 1)
    return total


def to_unit(images: np.ndarray) -> jax.Array:
    """uint8 -> [-1, 1]."""
    return jnp.asarray(images, jnp.float32) / 127.5 - 1


def figures(out: dict[str, np.ndarray], faces: data.Faces) -> dict[str, float]:
    """How well outputs for a split's faces agree with its labels; ages by the median of the distribution."""
    celeba, utkface = slice(None, faces.celeba), slice(faces.celeba, None)
    seen, truth = out["attributes"][celeba] > 0, faces.attributes_Nx40[celeba] == 1
    p = np.asarray(jax.nn.softmax(out["age"][utkface], axis=1)).cumsum(1)
    return {
        "age_mae": float(np.abs((p < 0.5).sum(1) - faces.age_N[utkface]).mean()),
        "gender": float(
            ((out["attributes"][utkface, data.GENDER] > 0) == faces.attributes_Nx40[utkface, data.GENDER]).mean()
        ),
        "ethnicity": float((out["ethnicity"][utkface].argmax(1) == faces.ethnicity_N[utkface]).mean()),
        "celeba_accuracy": float((seen == truth).mean()),
        "celeba_balanced_accuracy": data.balanced_accuracy(seen, truth),
    }


def load(folder: pathlib.Path):
    """-> images uint8 [N, 64, 64, 3] -> outputs, by the network that `main` wrote."""
    with (folder / "params.pickle").open("rb") as file:
        params = pickle.load(file)
    apply = jax.jit(lambda x: PlainCNN().apply({"params": params}, x))

    def outputs(images: np.ndarray) -> dict[str, np.ndarray]:
        parts = [apply(to_unit(images[i : i + BATCH])) for i in range(0, len(images), BATCH)]
        return jax.tree.map(lambda *x: np.concatenate([np.asarray(y) for y in x]), *parts)

    return outputs


def _batch(faces: data.Faces, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """45% CelebA; mirrored, and shifted by up to 4 pixels."""
    of_celeba = rng.random(BATCH) < 0.45
    rows = np.where(
        of_celeba, rng.integers(0, faces.celeba, BATCH), rng.integers(faces.celeba, len(faces.images), BATCH)
    )
    images = np.pad(faces.images[rows], ((0, 0), (4, 4), (4, 4), (0, 0)), mode="edge")
    shifts = rng.integers(0, 9, (BATCH, 2))
    images = np.stack([image[y : y + 64, x : x + 64] for image, (y, x) in zip(images, shifts)])
    images = np.where((rng.random(BATCH) < 0.5)[:, None, None, None], images[:, :, ::-1], images)
    return images, faces.attributes_Nx40[rows], faces.ethnicity_N[rows], faces.age_N[rows]


def main() -> None:
    """Trains the network, writes params.pickle and figures.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--split", default="validation", choices=("validation", "test"))
    parser.add_argument("--copies", type=pathlib.Path, help="copies.jsonl of the store that the model was trained on")
    args = parser.parse_args()
    faces, rng, model = data.read("train", copies=args.copies), np.random.default_rng(0), PlainCNN()
    params = model.init(jax.random.key(0), jnp.zeros((1, 64, 64, 3)))["params"]
    schedule = optax.warmup_cosine_decay_schedule(0, 2e-3, 200, args.steps)
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(schedule, weight_decay=0.05))

    @jax.jit
    def step(params, state, mean, key, images, *labels):
        def loss(p):
            return loss_of(model.apply({"params": p}, images, True, rngs={"dropout": key}), *labels)

        value, grads = jax.value_and_grad(loss)(params)
        updates, state = optimizer.update(grads, state, params)
        params = optax.apply_updates(params, updates)
        return params, state, optax.incremental_update(params, mean, 0.002), value

    state, mean = optimizer.init(params), params
    with progress.Progress("plain network", args.steps, unit="step") as bar:
        for i in range(args.steps):
            images, *labels = _batch(faces, rng)
            params, state, mean, _ = step(params, state, mean, jax.random.key(i), to_unit(images), *labels)
            bar.advance(1)
    args.out.mkdir(parents=True, exist_ok=True)
    with (args.out / "params.pickle").open("wb") as file:
        pickle.dump(jax.device_get(mean), file)
    held_out = data.read(args.split)
    found = {"split": args.split, "views": args.steps * BATCH, **figures(load(args.out)(held_out.images), held_out)}
    (args.out / "figures.json").write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
