"""A run's folder -> the model of one of its checkpoints."""

import dataclasses
import pathlib
from typing import Any

from t2f_jax.config.schema import Config, Preprocess
from t2f_jax.config.typed import from_dict, to_dict
from t2f_jax.environment import versions
from t2f_jax.errors import UserError
from t2f_jax.io.files import read_json
from t2f_jax.tokens.attributes import merge_schemas

EXPERIMENT = "experiment.json"  # a decoder's run: its config, and where its tokenizer and store are


def parts_of(tokenizer: pathlib.Path, store: pathlib.Path) -> tuple[Any, Any, Any, Any]:
    """-> (image tokenizer, opened store, text tokenizer, joint vocabulary). UserError if they do not fit together."""
    from t2f_jax import bundle
    from t2f_jax.data.store import Store
    from t2f_jax.models.image_tokenizer import fingerprint
    from t2f_jax.tokens import text_tokenizer

    image_tokenizer = bundle.load_image_tokenizer(tokenizer)
    data = Store(store, fingerprint(image_tokenizer))
    words = text_tokenizer.load(data.folder)
    return image_tokenizer, data, words, text_tokenizer.vocab(words, image_tokenizer.config.n_embed)


def model_of(config: Config, params: Any, image_tokenizer: Any, data: Any, words: Any, steps: int) -> Any:
    """The decoder's weights after `steps` updates and everything around them as a `Bundle`."""
    from t2f_jax import bundle

    return bundle.Bundle(
        run_config=config.decoder,
        params=params,
        image_tokenizer=image_tokenizer,
        tokenizer=words,
        schema=merge_schemas(data.schema(name) for name in data.sources),
        preprocess=Preprocess(crop=config.data.crop, range=image_tokenizer.range),
        provenance={
            "config": to_dict(config),
            "steps": steps,
            "sources": data.summary(),
            "baselines": data.baselines(),
            "versions": versions(),
        },
        name=config.name,
    )


def model_at(out: pathlib.Path, step: int | None = None) -> Any:
    """The `Bundle` of a checkpoint of the decoder's run in `out` (the newest if `step` is None).

    Raises:
      UserError: no run or checkpoint there, or its tokenizer or store has gone.
    """
    import jax

    from t2f_jax.training import checkpoint
    from t2f_jax.training.decoder_trainer import DecoderTrainer

    told = read_json(out / EXPERIMENT, "the run's record (the same `t2f train` command writes it)")
    try:
        config, folders = from_dict(Config, told["config"]), (told["tokenizer"], told["store"])
    except (KeyError, TypeError) as error:
        raise UserError(f"{out / EXPERIMENT}: {error} is missing; the same `t2f train` command writes it") from error
    inside = (out / "tokenizer" / "tokenizer", out / "store")  # a run that was moved as a whole
    places = [here if here.is_dir() else pathlib.Path(there) for here, there in zip(inside, folders)]
    image_tokenizer, data, words, vocab = parts_of(*places)
    trainer = DecoderTrainer(config.decoder, vocab)
    state = checkpoint.at_step(out, jax.eval_shape(trainer.init, jax.random.key(0)), step)
    params = jax.device_get(trainer.export(state))
    return model_of(config, params, image_tokenizer, data, words, int(state.step))


def tokenizer_at(out: pathlib.Path, step: int | None = None) -> Any:
    """The `ImageTokenizer` of a checkpoint of the image tokenizer's run in `out`. Raises UserError as `model_at`."""
    import jax

    from t2f_jax.config.schema import ImageTokenizerConfig
    from t2f_jax.models.image_tokenizer import ImageTokenizer
    from t2f_jax.training import checkpoint
    from t2f_jax.training.tokenizer_trainer import TokenizerTrainer

    told = read_json(out / "run.json", "the config of the run's checkpoints")
    config = from_dict(ImageTokenizerConfig, told.get("image"), "image.")
    lossless = dataclasses.replace(config.loss, perceptual_weights="")  # no part of the state: the file may have gone
    trainer = TokenizerTrainer(dataclasses.replace(config, loss=lossless))
    state = checkpoint.at_step(out, jax.eval_shape(trainer.init, jax.random.key(0)), step)
    return ImageTokenizer(config.model, jax.device_get(trainer.export(state)))
