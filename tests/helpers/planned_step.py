"""Compares a plan's step with training's: python planned_step.py [MESH ...] prints a line per mesh."""

import dataclasses
import json
import sys

import jax
from meshes import CONFIG, VOCAB, batch

from t2f_jax.distributed import partitioning
from t2f_jax.plan import program as plan_program
from t2f_jax.tokens import sequence
from t2f_jax.tokens.sequence import Branch, Example
from t2f_jax.training.decoder_trainer import DecoderTrainer
from t2f_jax.training.plain_trainer import PlainTrainer, plain_config
from t2f_jax.training.program import Program


def padded_batch(config):
    """One example per row."""
    examples = [Example((2, 7, 8, 3), (Branch((), tuple(range(50, 66))),), sequence.TO_IMAGE, 4)]
    return sequence.assemble(examples * config.train.batch_size, config.row_ids)


def texts(config, trainer, made, mesh):
    """The lowered step of the plan, and the one lowered from the arrays of a run."""
    planned = plan_program.lower_step(config, VOCAB, mesh, trainer)
    program = Program(trainer(config, VOCAB), config.train, mesh)
    with jax.set_mesh(mesh):
        run = program.step.lower(program.init(), program.put(made))
    return planned.as_text(), run.as_text()


def compare(spec):
    """{name of the step: whether both texts are equal}, and the number of devices of the step."""
    mesh = partitioning.make_mesh(spec)
    packed, plain = dataclasses.replace(CONFIG, accumulate=2), plain_config(CONFIG)
    steps = {
        "packed": texts(packed, DecoderTrainer, batch(0), mesh),
        "plain": texts(plain, PlainTrainer, padded_batch(plain), mesh),
    }
    different = {planned for planned, _ in steps.values()}
    assert len(different) == len(steps) and all(f"num_partitions = {mesh.size} " in text for text in different)
    return {name: planned == run for name, (planned, run) in steps.items()}


if __name__ == "__main__":
    for spec in sys.argv[1:]:
        print(json.dumps([spec, compare(spec)]), flush=True)
