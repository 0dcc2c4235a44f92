"""Where a model's own run has kept what its evaluation needs again: pixels, and the judge.

A judge that is trained again is another one in its last bits where the process has another number of devices, and cards
whose faces were judged by different judges are not compared.
"""

import pathlib
from typing import Any

from t2f_jax.errors import UserError
from t2f_jax.io.files import read_json

IMAGES = "images"  # the folder of pixels and judges in a run, a store, an evaluation; it stays on this machine
EXPERIMENT = "experiment.json"  # a decoder's run: its config, and where its image tokenizer and its store are


def folders(model: pathlib.Path) -> tuple[pathlib.Path, ...]:
    """The folders of pixels of the run that made a model, those that there are; its own is first.

    They lie in the run, in the sweep that it belongs to, beside its image tokenizer, in its store, and in earlier
    evaluations inside the run. What lies there is known by its key, so any of them will do.
    """
    run = model.resolve().parent
    record = _record(run)
    parents = [run, run.parent.parent]
    parents += [pathlib.Path(record["tokenizer"]).parent] if isinstance(record.get("tokenizer"), str) else []
    parents += [pathlib.Path(record["store"])] if isinstance(record.get("store"), str) else []
    found = [parent / IMAGES for parent in parents] + (sorted(run.glob(f"*/{IMAGES}")) if record else [])
    return tuple(dict.fromkeys(folder for folder in found if folder.is_dir()))


def _record(run: pathlib.Path) -> dict[str, Any]:
    try:
        record = read_json(run / EXPERIMENT, "the run's record")
    except UserError:  # a model that was imported, or copied without its run
        return {}
    return record if isinstance(record, dict) else {}
