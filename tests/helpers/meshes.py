"""Losses of a short training on a mesh of simulated devices: python meshes.py STEPS [MESH ...], a line per mesh."""

import dataclasses
import json
import sys

import jax
import numpy as np

from t2f_jax.config.schema import DecoderConfig, DecoderRunConfig, OptimConfig, TrainConfig
from t2f_jax.distributed import partitioning
from t2f_jax.tokens import packing, sequence
from t2f_jax.tokens.sequence import Branch, Example
from t2f_jax.tokens.vocab import Vocab
from t2f_jax.training.decoder_trainer import DecoderTrainer
from t2f_jax.training.program import Program

VOCAB = Vocab(text_size=50, image_size=16)
CONFIG = DecoderRunConfig(
    model=DecoderConfig(layers=2, width=32, heads=4, mlp=64, max_length=64, remat="attention"),
    optim=OptimConfig(learning_rate=3e-3, warmup_steps=5),
    train=TrainConfig(steps=20, ema=0.9, batch_size=16),
    sequence_length=32,
    pack=2,
    row_length=64,
    vocab_multiple=8,
)


def batch(step):
    rng = np.random.default_rng(step)
    image, text = (lambda n: tuple(rng.integers(50, 66, n)), lambda n: tuple(rng.integers(4, 50, n)))
    made = []
    for _ in range(16 * 2):
        if rng.random() < 0.5:
            made.append(Example((2, *text(rng.integers(3, 9)), 3), (Branch((), image(16)),), sequence.TO_IMAGE, 6))
        else:
            branches = tuple(Branch(text(1), (*text(1), 3)) for _ in range(rng.integers(2, 4)))
            made.append(Example((2, *image(16), 3), branches, sequence.TO_ATTRIBUTES, 1))
    return packing.pack(made, 16, 64)


def losses(mesh, steps, accumulate=1):
    """ "one" is a single device."""
    trainer = DecoderTrainer(dataclasses.replace(CONFIG, accumulate=accumulate), VOCAB)
    made = partitioning.make_mesh("", jax.devices()[:1]) if mesh == "one" else partitioning.make_mesh(mesh)
    program = Program(trainer, CONFIG.train, made)
    values = []
    with jax.set_mesh(program.mesh):
        state = program.init()
        for step in range(steps):
            state, numbers = program.step(state, program.put(batch(step)))
            values.append(float(jax.block_until_ready(numbers["loss"])))
    return values


if __name__ == "__main__":
    for spec in sys.argv[2:]:
        print(json.dumps([spec, losses(spec, int(sys.argv[1]))]), flush=True)
