"""Your own faces: fine-tunes a model on them (the argument names its folder), or trains from scratch without one.

    t2f data check photos
    t2f train own:runs/faces/model data.sources.own.folder=photos --out runs/own
    t2f train own data.sources.own.folder=photos --out runs/own

Time: 500 steps from a model; from scratch as many as `faces`, which needs thousands of photos.

The model's own image tokenizer, text tokenizer, structure and crop are kept. More sources, such as those that the model
was trained on, prevent forgetting: copy this file and add `config.source(...)`.
"""

import ml_collections

from t2f_jax import config
from t2f_jax.io import remote
from t2f_jax.io.files import read_json


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    c = of_model(arg) if arg else config.shipped("faces")
    c.name = "own"
    with c.data.sources.unlocked():
        for name in list(c.data.sources):
            del c.data.sources[name]
    config.source(c, "own", kind="own")
    c.data.flip = True
    c.data.jitter = 0.06
    c.data.views = 16
    return c


def of_model(folder: str) -> ml_collections.ConfigDict:
    """The config of fine-tuning: structure and rows are the model's, with few steps and a low learning rate."""
    model = read_json(remote.fetch(folder) / "config.json", "config.json of a model folder")
    c = config.base_config()
    c.decoder.update(model["decoder"])
    c.image.model.update(model["image_tokenizer"])
    c.data.image_size = c.image.model.resolution
    c.data.update({key: value for key, value in model["preprocess"].items() if key != "range"})
    d = c.decoder
    d.init_from = folder
    d.model.dropout = 0.1  # a few faces are soon memorized
    d.optim.learning_rate = d.optim.learning_rate / 5
    d.optim.warmup_steps = 50
    d.train.steps = 500
    d.train.ema = 0.99
    d.train.eval_every = d.train.save_every = 100
    return c
