"""Where a model's own run has stored what its evaluation needs again: pixels, and the judge.

A judge that is trained again with another number of devices differs in its last bits, and cards whose faces were judged
by different judges are not comparable.
"""

import pathlib
from typing import Any

from t2f_jax.errors import UserError
from t2f_jax.io.files import read_json

IMAGES = "images"  # the folder of pixels and judges in a run, store or evaluation; it is never uploaded
EXPERIMENT = "experiment.json"  # in a decoder's run: its config, and the paths of its image tokenizer and store


def folders(model: pathlib.Path) -> tuple[pathlib.Path, ...]:
    """The existing folders of pixels of the run that made a model; its own is first.

    They are in the run, in the sweep that it belongs to, beside its image tokenizer, in its store, and in earlier
    evaluations inside the run. Their contents are identified by keys, so any of them can be used.
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
