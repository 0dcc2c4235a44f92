"""The stages of an experiment, each a function from a config and folders to a folder, all resumable.

`train` makes what it was not given, so one folder holds a whole experiment:

    DIR/images/     pixels of every source, drawn or decoded once
    DIR/tokenizer/  the image tokenizer's run; DIR/tokenizer/tokenizer/ is the finished one
    DIR/store/      codes, records and the text tokenizer
    DIR/            checkpoints, metrics.jsonl, tensorboard of the decoder's run; experiment.json: its config, folders
    DIR/model/      the finished model folder
"""

import pathlib
import sys
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from t2f_jax.config.schema import Config, DecoderRunConfig, Role, TrainConfig
from t2f_jax.config.typed import to_dict
from t2f_jax.data.datasets.registry import open_sources
from t2f_jax.environment import versions
from t2f_jax.errors import UserError
from t2f_jax.experiments.runs import EXPERIMENT, model_of, parts_of
from t2f_jax.io import remote
from t2f_jax.io.files import write_json
from t2f_jax.io.run_folder import RunFolder


def train_tokenizer(config: Config, out: pathlib.Path, cache: pathlib.Path | None = None) -> pathlib.Path:
    """Trains the image tokenizer in `out`; returns the finished image tokenizer folder `out/tokenizer`.

    Args:
      cache: where the pixels are kept (`out/images` if not given).

    Raises:
      UserError: data that is missing or broken, a checkpoint of another config.
    """
    from t2f_jax import bundle
    from t2f_jax.data import pipeline
    from t2f_jax.distributed import hosts, partitioning
    from t2f_jax.models.image_tokenizer import ImageTokenizer
    from t2f_jax.report import grids
    from t2f_jax.training import loop
    from t2f_jax.training.tokenizer_trainer import TokenizerTrainer

    cache = cache or out / "images"
    train, validation = hosts.in_turn(
        lambda: (_image_sets(config, "train", cache), _image_sets(config, "validation", cache)), "pixels read"
    )
    trainer, run = TokenizerTrainer(config.image), config.image.train
    weights = [config.data.sources[s.name].weight for s in train]
    mine = _rows_here(run)

    def batches(start: int) -> Iterator[dict[str, np.ndarray]]:
        sets, data = list(zip(train, weights)), config.data
        return pipeline.image_batches(sets, run.batch_size, run.seed, start, data.flip, data.jitter, mine)

    def held_out() -> Iterator[dict[str, np.ndarray]]:
        return pipeline.image_eval_batches(validation, run.batch_size, run.eval_batches, mine)

    state = loop.run(trainer, run, out, batches, held_out, "image tokenizer", config=_identity(config))
    params = partitioning.to_host(trainer.export(state))
    folder, run_folder = out / "tokenizer", RunFolder(out)

    def write() -> None:
        told = {"config": to_dict(config), "steps": run.steps, "versions": versions()}
        bundle.save_image_tokenizer(folder, config.image.model, params, told)
        tokenizer = ImageTokenizer(config.image.model, params)
        sample = np.concatenate([np.asarray(s.images[:8]) for s in validation])[:16]
        grids.reconstruction_grid(sample, np.asarray(tokenizer.reconstruct(sample))).save(out / "reconstructions.png")
        run_folder.publish("reconstructions.png")
        run_folder.publish("tokenizer")

    hosts.alone(write, "image tokenizer written")
    return run_folder.fetch("tokenizer")


def _rows_here(run: TrainConfig) -> list[int] | None:
    """Which of a batch's rows this process makes; None if it is the only one, and makes all."""
    from t2f_jax.distributed import hosts, partitioning

    if not hosts.many():
        return None
    return partitioning.local_rows(run.batch_size, partitioning.sharing_mesh(run.batch_size, run.mesh))


def _laid_out(config: DecoderRunConfig, vocab_size: int) -> DecoderRunConfig:
    """`config` with the mesh and the parts that the devices here ask for; says which, if it chose any."""
    import jax

    from t2f_jax.distributed import hosts
    from t2f_jax.plan import layout

    if config.train.batch_size % len(devices := jax.devices()):
        return config  # not all devices take part, or none: told where they are shared out
    laid = layout.chosen(config, vocab_size, devices)
    changed = laid.train.mesh != config.train.mesh or laid.accumulate != max(config.accumulate, 1)
    if changed and hosts.first():
        how = f"decoder.train.mesh={laid.train.mesh} decoder.accumulate={laid.accumulate}"
        print(f"decoder: laid out by {how}", file=sys.stderr, flush=True)
    return laid


def _identity(config: Config) -> dict[str, Any]:
    """What decides an image tokenizer's numbers: a run in the same folder is held to it."""
    return {"image": to_dict(config.image), "data": to_dict(config.data, without=(Role.FREE, Role.STORE_ONLY))}


def _image_sets(config: Config, split: Literal["train", "validation", "test"], cache: pathlib.Path) -> list[Any]:
    from t2f_jax.data import pixels

    return [pixels.read_images(source, split, config.data, cache) for source in open_sources(config).values()]


def prepare(
    config: Config, tokenizer: pathlib.Path, out: pathlib.Path, cache: pathlib.Path | None = None
) -> pathlib.Path:
    """Encodes every image and trains the text tokenizer; returns the store `out`. Resumable per source and split."""
    from t2f_jax import bundle
    from t2f_jax.data import prepare as preparing
    from t2f_jax.distributed import hosts
    from t2f_jax.models.image_tokenizer import fingerprint
    from t2f_jax.tokens import text_tokenizer

    image_tokenizer = bundle.load_image_tokenizer(tokenizer)
    if image_tokenizer.config.resolution != config.data.image_size:
        raise UserError(
            f"{tokenizer}: an image tokenizer for {image_tokenizer.config.resolution} pixels,"
            f" but data.image_size={config.data.image_size}"
        )
    words = text_tokenizer.load(remote.fetch(config.decoder.init_from)) if config.decoder.init_from else None
    identity = fingerprint(image_tokenizer)
    encode = lambda x: np.asarray(image_tokenizer.encode(x))  # noqa: E731

    def work() -> pathlib.Path:
        RunFolder(out).fetch()
        if hosts.first():
            preparing.run(config, encode, identity, cache or out / "images", out, words)
            RunFolder(out).publish(without="images")
        return out

    return hosts.in_turn(work, "store prepared")


def train(
    config: Config, out: pathlib.Path, tokenizer: pathlib.Path | None = None, store: pathlib.Path | None = None
) -> pathlib.Path:
    """Trains the decoder in `out` and writes the model folder `out/model`, which it returns.

    Args:
      tokenizer: an image tokenizer (or model) folder; without it one is trained in `out/tokenizer`.
      store: a prepared store; without it one is made in `out/store`. Its codes must come from `tokenizer`.

    With `decoder.init_from` the model there lends its tokenizers, too, and its weights to begin with.
    """
    from t2f_jax import bundle
    from t2f_jax.data import pipeline
    from t2f_jax.distributed import hosts, partitioning
    from t2f_jax.training import checkpoint, loop
    from t2f_jax.training.decoder_trainer import DecoderTrainer

    cache = out / "images"
    origin = remote.fetch(config.decoder.init_from) if config.decoder.init_from else None
    parent = bundle.load(origin) if origin else None
    if origin and tokenizer is None:
        tokenizer = origin  # its codes are the ones that the weights know
    if tokenizer is None:
        tokenizer = RunFolder(out).fetch("tokenizer/tokenizer")
        if (tokenizer / "config.json").is_file():
            checkpoint.check_config(out / "tokenizer", _identity(config))
        else:
            train_tokenizer(config, out / "tokenizer", cache)
    if store is None:
        store = prepare(config, tokenizer, out / "store", cache)
    image_tokenizer, data, words, vocab = parts_of(tokenizer, store)
    laid = _laid_out(config.decoder, vocab.size)
    run = laid.train
    weights = {name: source.weight for name, source in config.data.sources.items() if source.weight > 0}
    start = None if parent is None else bundle.initial_params(parent, config.decoder.model, vocab)
    trainer = DecoderTrainer(laid, vocab, start, image_tokenizer.params["quantize"]["embedding"])
    mine = _rows_here(run)

    def batches(start: int) -> Iterator[dict[str, np.ndarray]]:
        return pipeline.sequence_batches(
            data, vocab, words, config.decoder, weights, run.batch_size, run.seed, start, mine
        )

    def held_out() -> Iterator[dict[str, np.ndarray]]:
        return pipeline.sequence_eval_batches(
            data, vocab, words, config.decoder, weights, run.batch_size, run.eval_batches, mine=mine
        )

    identity = {"decoder": to_dict(config.decoder), "store": data.fingerprint}
    if hosts.first():
        folders = {"tokenizer": str(tokenizer.absolute()), "store": str(store.absolute())}
        write_json(out / EXPERIMENT, {"config": to_dict(config), **folders})
        RunFolder(out).publish(EXPERIMENT)
    state = loop.run(trainer, run, out, batches, held_out, "decoder", config=identity)
    params = partitioning.to_host(trainer.export(state))
    model = model_of(config, params, image_tokenizer, data, words, run.steps)

    def write() -> None:
        bundle.save(out / "model", model)
        RunFolder(out).publish("model")

    hosts.alone(write, "model written")
    return out / "model"
