"""A tiny run with all parts of a real one: dropout, averaged weights, `extra` state. Also a program that tests kill.

python toy.py OUT [--kill STEP] [--term STEP] [--hang STEP] [--by PROCESS] [--wait SECONDS] [key=value of TrainConfig]
prints the final state's digest. One process of several if the environment says so; `--by` is the one that is affected.
"""

import ast
import dataclasses
import hashlib
import os
import signal
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax

from t2f_jax.cli import parser
from t2f_jax.config.schema import OptimConfig, TrainConfig
from t2f_jax.config.typed import to_dict
from t2f_jax.distributed import hosts, partitioning
from t2f_jax.io.run_folder import RunFolder
from t2f_jax.training import loop, optim
from t2f_jax.training.state import create_state, update_ema

CONFIG = TrainConfig(steps=24, batch_size=16, seed=3, ema=0.9, eval_every=4, eval_batches=2, save_every=4)
OPTIM = OptimConfig(learning_rate=0.02, warmup_steps=4)


class Toy:
    def __init__(self, config=CONFIG, rate=OPTIM.learning_rate, dropout=0.2):
        self.config, self.dropout = config, dropout
        self.tx = optim.make(dataclasses.replace(OPTIM, learning_rate=rate), config.steps)

    def init(self, key):
        up, down = jax.random.split(key)
        params = {
            "mlp": {
                "up": {"kernel": jax.random.normal(up, (8, 32)) * 0.3, "bias": jnp.zeros(32)},
                "down": {"kernel": jax.random.normal(down, (32, 8)) * 0.2, "bias": jnp.zeros(8)},
            }
        }
        return create_state(params, self.tx, self.config.ema, {"mean": jnp.zeros(8)})

    def loss(self, params, batch, key=None):
        mlp = params["mlp"]
        h = jax.nn.tanh(batch["x"] @ mlp["up"]["kernel"] + mlp["up"]["bias"])
        if key is not None:
            h = h * jax.random.bernoulli(key, 1 - self.dropout, h.shape) / (1 - self.dropout)
        return jnp.mean((h @ mlp["down"]["kernel"] + mlp["down"]["bias"] - batch["y"]) ** 2)

    def step(self, s, batch, key):
        loss, grads = jax.value_and_grad(self.loss)(s.params, batch, key)
        updates, opt_state = self.tx.update(grads, s.opt_state, s.params)
        params = optax.apply_updates(s.params, updates)
        ema = update_ema(s.ema, params, s.step, self.config.ema)
        extra = {"mean": 0.9 * s.extra["mean"] + 0.1 * batch["x"].mean(0)}
        new = s.replace(step=s.step + 1, params=params, opt_state=opt_state, ema=ema, extra=extra)
        return new, {"loss": loss, "grad_norm": optax.global_norm(grads), "mean": jnp.sum(extra["mean"])}

    def evaluate(self, s, batch):
        return {"loss": self.loss(s.weights, batch)}


def rows(seed, step, config):
    """This process's rows of a batch."""
    rng = np.random.default_rng([seed, step])
    mesh = partitioning.sharing_mesh(config.batch_size, config.mesh)
    x = rng.normal(size=(config.batch_size, 8)).astype(np.float32)[partitioning.local_rows(config.batch_size, mesh)]
    return {"x": x, "y": np.sin(x)}


def train_batches(start, config=CONFIG, at=None):
    step = start
    while True:
        if at:
            at(step)
        yield rows(config.seed, step, config)
        step += 1


def eval_batches(config=CONFIG):
    for i in range(5):
        yield rows(config.seed + 1000, i, config)


def run(out, config=CONFIG, at=None, /, **kwargs):
    """Trains the toy in `out`; `kwargs` are fields of `loop.Run`."""
    parts = {
        "trainer": Toy(config),
        "folder": RunFolder.at(out).path,
        "batches": lambda start: train_batches(start, config, at),
        "held_out": lambda: eval_batches(config),
        "label": "toy",
        "identity": {"train": to_dict(config)},
    }
    return loop.train(loop.Run(config=config, **parts | kwargs))


def digest(tree):
    return hashlib.sha256(b"".join(np.asarray(x).tobytes() for x in jax.tree.leaves(tree))).hexdigest()


def main(out, *args):
    changes, options = {}, {}
    args = list(args)
    while args:
        arg = args.pop(0)
        if arg.startswith("--"):
            options[arg[2:]] = float(args.pop(0))
        else:
            key, _, text = arg.partition("=")
            changes[key] = ast.literal_eval(text)

    hosts.join()

    def at(step):
        time.sleep(options.get("wait", 0))
        if jax.process_index() != options.get("by", 0):
            return
        if step == options.get("kill"):
            os.kill(os.getpid(), signal.SIGKILL)
        if step == options.get("term"):
            os.kill(os.getpid(), signal.SIGTERM)
        if step == options.get("hang"):
            time.sleep(1000)

    told = digest(partitioning.to_host(run(out, dataclasses.replace(CONFIG, **changes), at)))
    if hosts.first():
        print(told)


if __name__ == "__main__":
    parser.guarded(lambda: main(*sys.argv[1:]))
