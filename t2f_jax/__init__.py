"""t2f_jax: one prefix-LM transformer for words to faces, faces to words, and faces to age and attributes.

Rooms, in the order in which data flows; a room imports rooms above it alone:

    errors, arguments     UserError; checks of what a Python caller gives
    environment   what is set before JAX starts
    io            files, buckets, pictures, weights, metrics
    config        what can be chosen, and its checks
    tokens        labels and captions <-> words <-> ids <-> rows
    distributed   meshes, processes of a job, failures
    models        the prefix LM and the image tokenizer (VQGAN): arrays in, arrays out
    data          datasets -> pixels -> image codes -> batches
    bundle        a model folder: `Bundle`, its parts. Training writes it, inference opens it
    training      batches -> weights
    inference     a bundle -> faces, captions, answers
    report        figures -> plots and pages
    demo          a model -> a web page to try it
    evaluation    a model -> figures with intervals
    convert       weights of other programs in and out
    plan          training runs planned before a chip is rented
    bench         what this machine reaches
    experiments   whole runs
    doctor        what is here and what is missing
    cli           the `t2f` command

Read first: `experiments/stages.py`, which shows a whole run, or `inference/model.py`, which shows what a model does.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from t2f_jax.inference.model import Model, load

__all__ = ["Model", "__version__", "load"]


def __getattr__(name: str) -> Any:
    """`load` and `Model` come late, so that `import t2f_jax` costs no JAX import."""
    if name in ("Model", "load"):
        from t2f_jax.inference import model

        return getattr(model, name)
    raise AttributeError(f"module 't2f_jax' has no attribute '{name}'")
