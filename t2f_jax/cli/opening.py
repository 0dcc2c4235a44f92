"""Anything that holds a model -> the model: a model folder, the original's pair, a run with checkpoints."""

import pathlib

from t2f_jax import bundle
from t2f_jax.convert import original
from t2f_jax.errors import UserError
from t2f_jax.experiments import runs
from t2f_jax.io.files import read_json
from t2f_jax.models.image_tokenizer import ImageTokenizer


def open_model(folder: pathlib.Path, step: int | None = None) -> bundle.Bundle | ImageTokenizer:
    """The model, or the image tokenizer if there is no more.

    Args:
      folder: a model folder, an image tokenizer folder, the folder of an export to the original's format, or the
        folder of a run (`t2f train`, `t2f train-tokenizer`).
      step: of a run: which checkpoint; None: the newest.

    Raises:
      UserError: nothing of that kind there, a part is missing or broken, a step where there are no checkpoints.
    """
    if (folder / "checkpoints").is_dir():
        record = read_json(folder / "run.json", "the config of the run's checkpoints")
        if isinstance(record, dict) and "image" in record:
            return runs.tokenizer_at(folder, step)
        return runs.model_at(folder, step)
    if step is not None:
        raise UserError(f"{folder}: --step chooses a checkpoint of a run; there are no checkpoints here")
    if (folder / original.CONFIG_FILE).is_file():
        return original.read_folder(folder)
    if folder.is_dir() and (folder / "config.json").is_file():
        record = read_json(folder / "config.json", "config.json of a model folder")
        if isinstance(record, dict) and "decoder" not in record:
            return bundle.load_image_tokenizer(folder)
    return bundle.load(folder)
