"""t2f_jax: one prefix-LM transformer for text to face, face to caption, and face to age and attributes.

The subpackages, called rooms; a room imports only rooms above it:

    errors, arguments     UserError; checks of the arguments of Python calls
    io            files, buckets, pictures, weights, metrics
    environment   what must be set before JAX starts
    config        the keys of a config, and their checks
    tokens        labels and captions <-> text <-> ids <-> rows
    distributed   meshes, processes of a job, failures
    report        figures -> plots and pages
    models        the prefix LM and the image tokenizer (VQGAN): arrays in, arrays out
    data          datasets -> pixels -> image codes -> batches
    bundle        a model folder: `Bundle`, its parts. Training writes it, inference opens it
    training      batches -> weights
    inference     a bundle -> faces, captions, answers
    evaluation    a model -> figures with intervals
    convert       import and export of other programs' weights
    plan          estimates of a run's memory and time before chips are rented
    bench         benchmarks of this machine
    experiments   complete runs
    demo          a model -> a web page to try it
    doctor        checks of the installation
    cli           the `t2f` command

Read first: `experiments/stages.py`, which shows a complete run, or `inference/model.py`, which shows what a model does.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from t2f_jax.inference.model import Model, load

__all__ = ["Model", "__version__", "load"]


def __getattr__(name: str) -> Any:
    """Imports `load` and `Model` when they are first used, so that `import t2f_jax` does not import JAX."""
    if name in ("Model", "load"):
        from t2f_jax.inference import model

        return getattr(model, name)
    raise AttributeError(f"module 't2f_jax' has no attribute '{name}'")
