"""Model FLOPs: the computation that one training step needs, apart from the program's overhead.

For a pair with n ids, T scored places and S visible pairs of query and key, in a model of K layers of width M with an
MLP of width F and a vocabulary of V ids, a forward pass takes

    K (8 M^2 + 4 M F) n  +  4 K M S  +  2 V M T            FLOPs,

for the dense kernels, the attention's two products, and the head. The backward pass costs twice that, a training step
three times. For the prefix mask S = p^2 + sum over branches of b p + b (b + 1) / 2 with a prefix of p ids and branches
of b (causal: p (p + 1) / 2 instead of p^2). Padding, invisible keys, unscored places, recomputing, norms, softmax and
the optimizer do not count. (PaLM, arXiv:2204.02311, appendix B, with S and T in place of full rows.)
"""

from typing import TypeVar

import jax

from t2f_jax.config.schema import DecoderConfig

Number = TypeVar("Number", float, jax.Array)


def body_parameters(model: DecoderConfig) -> int:
    """Number of parameters in the layers' dense kernels."""
    return model.layers * (4 * model.width**2 + 2 * model.width * model.mlp)


def parameters(model: DecoderConfig, vocab_size: int) -> int:
    """Number of all trained parameters: layers, tables, norms and biases."""
    norms = (2 * model.layers + 1) * model.width * (1 if model.norm == "rmsnorm" else 2)
    biases = model.layers * (5 * model.width + model.mlp) if model.bias else 0
    tables = vocab_size * model.width * (1 if model.tie else 2)
    if model.positions == "learned":
        tables += model.max_length * model.width
    if model.segments:
        tables += 3 * model.width
    return body_parameters(model) + norms + biases + tables


def training(model: DecoderConfig, vocab_size: int, ids: Number, targets: Number, visible: Number) -> Number:
    """Model FLOPs of a training step: a number, or an array if the arguments are arrays.

    Args:
      ids, targets, visible: n, T and S of the formula, summed over all of the step's pairs.
    """
    # Floats: inside jit, whole numbers from 2^31 on are refused.
    forward = 2.0 * body_parameters(model) * ids + 4.0 * model.layers * model.width * visible
    return 3 * (forward + 2.0 * vocab_size * model.width * targets)
