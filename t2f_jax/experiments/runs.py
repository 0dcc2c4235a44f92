"""The inputs of a decoder's training, and the model of a checkpoint in a run's folder."""

import dataclasses
import pathlib
from typing import Any

import jax

from t2f_jax import bundle
from t2f_jax.config import limits
from t2f_jax.config.loader import narrow
from t2f_jax.config.schema import Config, ImageTokenizerConfig, Preprocess
from t2f_jax.config.typed import from_dict, to_dict
from t2f_jax.data.pixels import framing_of
from t2f_jax.data.store import Store
from t2f_jax.environment import versions
from t2f_jax.errors import UserError, naming
from t2f_jax.evaluation.kept import EXPERIMENT
from t2f_jax.io.files import read_json, write_json
from t2f_jax.models.image_tokenizer import ImageTokenizer, fingerprint
from t2f_jax.tokens import text_tokenizer
from t2f_jax.tokens.attributes import Attribute, merge_schemas
from t2f_jax.tokens.text_tokenizer import TextTokenizer
from t2f_jax.tokens.vocab import Vocab
from t2f_jax.training import checkpoint
from t2f_jax.training.decoder_trainer import DecoderTrainer
from t2f_jax.training.tokenizer_trainer import TokenizerTrainer

LABELS = "labels"  # key of an image tokenizer's run.json: the attributes that it was trained with, if any


@dataclasses.dataclass(frozen=True)
class Parts:
    """The opened inputs of a decoder's training: its data and the meaning of its ids."""

    image_tokenizer: ImageTokenizer
    store: Store
    text_tokenizer: TextTokenizer
    vocab: Vocab


def open_parts(tokenizer: pathlib.Path, store: pathlib.Path) -> Parts:
    """Opens an image tokenizer folder and a store.

    Raises:
      UserError: one of them is missing or broken, or the store's codes come from another image tokenizer.
    """
    image_tokenizer = bundle.load_image_tokenizer(tokenizer)
    data = Store(store, fingerprint(image_tokenizer))
    words = text_tokenizer.load(data.folder)
    return Parts(image_tokenizer, data, words, text_tokenizer.vocab(words, image_tokenizer.config.n_embed))


def make_bundle(config: Config, params: Any, parts: Parts, steps: int) -> bundle.Bundle:
    """The decoder's weights after `steps` updates, with everything else that belongs in a model folder."""
    store = parts.store
    return bundle.Bundle(
        run_config=config.decoder,
        params=params,
        image_tokenizer=parts.image_tokenizer,
        tokenizer=parts.text_tokenizer,
        schema=merge_schemas(store.schema(name) for name in store.sources),
        preprocess=Preprocess(range=parts.image_tokenizer.range, **dataclasses.asdict(framing_of(config.data))),
        provenance={
            "config": to_dict(config),
            "steps": steps,
            "sources": store.summary(),
            "baselines": store.baselines(),
            "versions": versions(),
        },
        name=config.name,
    )


def write_experiment(config: Config, out: pathlib.Path, tokenizer: pathlib.Path, store: pathlib.Path) -> None:
    """Writes what `model_at` needs into the run's folder `out`."""
    folders = {"tokenizer": str(tokenizer.absolute()), "store": str(store.absolute())}
    write_json(out / EXPERIMENT, {"config": to_dict(config), **folders})


def model_at(out: pathlib.Path, step: int | None = None) -> bundle.Bundle:
    """The model of a checkpoint of the decoder's run in `out` (the newest if `step` is None).

    Raises:
      UserError: there is no run or no such checkpoint, or its tokenizer or store is missing.
    """
    record = read_json(out / EXPERIMENT, "the run's record (the same `t2f train` command writes it)")
    record = record if isinstance(record, dict) else {}
    for key, kind in (("config", dict), ("tokenizer", str), ("store", str)):
        if not isinstance(record.get(key), kind):
            raise UserError(
                f"{out / EXPERIMENT}: '{key}' is missing or broken; the same `t2f train` command writes the file"
            )
    with naming(out / EXPERIMENT):
        config = narrow(record["config"])
    folders = record["tokenizer"], record["store"]
    inside = (out / "tokenizer" / "tokenizer", out / "store")  # the run may have been moved as a whole
    tokenizer, store = (here if here.is_dir() else pathlib.Path(there) for here, there in zip(inside, folders))
    parts = open_parts(tokenizer, store)
    trainer = DecoderTrainer(config.decoder, parts.vocab)
    state = checkpoint.at_step(out, jax.eval_shape(trainer.init, jax.random.key(0)), step)
    return make_bundle(config, jax.device_get(trainer.export(state)), parts, int(state.step))


def tokenizer_at(out: pathlib.Path, step: int | None = None) -> ImageTokenizer:
    """The image tokenizer of a checkpoint of its run in `out` (the newest if `step` is None).

    Raises:
      UserError: there is no run or no such checkpoint.
    """
    record = read_json(out / "run.json", "the config of the run's checkpoints")
    with naming(out / "run.json"):
        config = from_dict(ImageTokenizerConfig, record.get("image") if isinstance(record, dict) else None, "image.")
        limits.check_vqgan(config.model, "image.model")
    lossless = dataclasses.replace(config.loss, perceptual_weights="")  # not in the state, and the file may be missing
    schema = [Attribute.from_json(values) for values in record.get(LABELS, [])]
    trainer = TokenizerTrainer(dataclasses.replace(config, loss=lossless), schema)
    state = checkpoint.at_step(out, jax.eval_shape(trainer.init, jax.random.key(0)), step)
    return ImageTokenizer(config.model, jax.device_get(trainer.export(state)))
