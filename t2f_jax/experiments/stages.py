"""The stages of an experiment, each a resumable function from a config and folders to a folder.

`train` makes what it is not given, so one folder contains a whole experiment:

    DIR/images/     pixels of every source, drawn or decoded once
    DIR/tokenizer/  the image tokenizer's run; DIR/tokenizer/tokenizer/ is the finished image tokenizer
    DIR/store/      codes, records and the text tokenizer
    DIR/            checkpoints, metrics.jsonl, tensorboard of the decoder's run; experiment.json: its config, folders
    DIR/model/      the finished model folder
"""

import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from t2f_jax import arguments, bundle
from t2f_jax.config.loader import narrow
from t2f_jax.config.schema import Config, DecoderRunConfig, Role, TrainConfig
from t2f_jax.config.typed import to_dict
from t2f_jax.data import pipeline, pixels, prepare, shards
from t2f_jax.data.datasets import registry
from t2f_jax.data.datasets.base import Split
from t2f_jax.data.datasets.registry import open_sources
from t2f_jax.data.rows import Rows
from t2f_jax.distributed import hosts, partitioning
from t2f_jax.environment import versions
from t2f_jax.errors import UserError
from t2f_jax.evaluation.kept import EXPERIMENT, IMAGES
from t2f_jax.experiments import model_card
from t2f_jax.experiments.runs import LABELS, make_bundle, open_parts, write_experiment
from t2f_jax.io import remote
from t2f_jax.io.progress import say
from t2f_jax.io.run_folder import RunFolder
from t2f_jax.models.attention import attention_kind
from t2f_jax.models.image_tokenizer import ImageTokenizer, fingerprint
from t2f_jax.models.image_tokenizer import encode as encode_images
from t2f_jax.plan import layout
from t2f_jax.report import grids
from t2f_jax.tokens import text_tokenizer
from t2f_jax.tokens.attributes import Attribute, merge_schemas
from t2f_jax.tokens.sequence import Batch
from t2f_jax.training import checkpoint, loop
from t2f_jax.training.decoder_trainer import DecoderTrainer
from t2f_jax.training.tokenizer_trainer import TokenizerTrainer


def train(
    config: Config, out: pathlib.Path, tokenizer: pathlib.Path | None = None, store: pathlib.Path | None = None
) -> pathlib.Path:
    """A whole experiment: trains the decoder in `out` and returns the model folder `out/model`.

    With `decoder.init_from`, the tokenizers and the initial weights are those of that model.

    Args:
      tokenizer: an image tokenizer (or model) folder; without it one is trained in `out/tokenizer`.
      store: a prepared store; without it one is made in `out/store`. Its codes must come from `tokenizer`.

    Raises:
      UserError: data is missing or broken, or the contents of `out` belong to another config.
    """
    config, out = narrow(config), arguments.path("out", out)
    tokenizer = None if tokenizer is None else arguments.path("tokenizer", tokenizer)
    store = None if store is None else arguments.path("store", store)
    origin = remote.fetch(config.decoder.init_from) if config.decoder.init_from else None
    parent = bundle.load(origin) if origin else None
    if parent:
        bundle.check_structure(parent, config.decoder.model)
    _check_devices(config, tokenizer is None and origin is None)
    # The parent's weights were trained on the codes of its own image tokenizer.
    tokenizer = tokenizer or origin or own_tokenizer(config, out / "tokenizer", out / IMAGES, store is None)
    store = store or prepare_store(config, tokenizer, out / "store", out / IMAGES)
    parts = open_parts(tokenizer, store)
    parts.store.check_framing(pixels.framing_of(config.data))
    if parent and parent.tokenizer.hash != parts.text_tokenizer.hash:
        raise UserError(
            f"{store}: its text tokenizer is not that of decoder.init_from={config.decoder.init_from};"
            " run `t2f prepare` with the same decoder.init_from"
        )

    run_config = choose_layout(config.decoder, parts.vocab.size)
    run = run_config.train
    params = bundle.initial_params(parent, config.decoder.model, parts.vocab) if parent else None
    trainer = DecoderTrainer(run_config, parts.vocab, params, parts.image_tokenizer.params["quantize"]["embedding"])
    rows = Rows(parts.store, parts.vocab, parts.text_tokenizer, config.decoder, config.data.sources, _local_rows(run))

    def held_out() -> Iterator[Batch]:
        return rows.held_out(run.eval_batches)

    if hosts.first():
        write_experiment(config, out, tokenizer, store)
        RunFolder(out).publish(EXPERIMENT)
    identity = {"decoder": to_dict(config.decoder), "store": parts.store.fingerprint}
    state = loop.train(loop.Run(trainer, run, out, rows.train, held_out, "decoder", identity))
    model = make_bundle(config, partitioning.to_host(trainer.export(state)), parts, run.steps)

    def write() -> None:
        bundle.save(out / "model", model)
        model_card.write(config, model, out / "model")
        RunFolder(out).publish("model")

    hosts.alone(write, "model written")
    return out / "model"


def train_tokenizer(config: Config, out: pathlib.Path, cache: pathlib.Path | None = None) -> pathlib.Path:
    """Trains the image tokenizer in `out`; returns the finished image tokenizer folder `out/tokenizer`.

    Args:
      cache: where the pixels are stored (`out/images` if not given).

    Raises:
      UserError: data is missing or broken, or the checkpoints in `out` belong to another config.
    """
    config, out = narrow(config), arguments.path("out", out)
    cache = out / IMAGES if cache is None else arguments.path("cache", cache)
    schema = _label_schema(config)
    run, data = config.image.train, config.data
    trainer = TokenizerTrainer(config.image, schema)  # before reading pixels, since its weights may be missing
    partitioning.check_batch(run.batch_size, partitioning.sharing_mesh(run.batch_size, run.mesh))
    train, validation = hosts.in_turn(
        lambda: (_read_images(config, "train", cache), _read_images(config, "validation", cache)), "pixels read"
    )
    weighted = [(images, data.sources[images.name].weight) for images in train]
    local_rows = _local_rows(run)

    def batches(start: int) -> Iterator[pipeline.ImageBatch]:
        views = data.flip, data.jitter
        return pipeline.image_batches(weighted, run.batch_size, run.seed, start, *views, local_rows, schema)

    def held_out() -> Iterator[pipeline.ImageBatch]:
        return pipeline.image_eval_batches(validation, run.batch_size, run.eval_batches, local_rows)

    state = loop.train(loop.Run(trainer, run, out, batches, held_out, "image tokenizer", _tokenizer_identity(config)))
    params = partitioning.to_host(trainer.export(state))
    run_folder = RunFolder(out)

    def write() -> None:
        provenance = {"config": to_dict(config), "steps": run.steps, "versions": versions()}
        bundle.save_image_tokenizer(out / "tokenizer", config.image.model, params, provenance)
        tokenizer = ImageTokenizer(config.image.model, params)
        sample = np.concatenate([np.asarray(images.images[:8]) for images in validation])[:16]
        grids.reconstruction_grid(sample, np.asarray(tokenizer.reconstruct(sample))).save(out / "reconstructions.png")
        run_folder.publish("reconstructions.png")
        run_folder.publish("tokenizer")

    hosts.alone(write, "image tokenizer written")
    return run_folder.fetch("tokenizer")


def prepare_store(
    config: Config, tokenizer: pathlib.Path, out: pathlib.Path, cache: pathlib.Path | None = None
) -> pathlib.Path:
    """Encodes every image and trains the text tokenizer; returns the store `out`.

    The processes of a job share the images, and their devices each batch. Work finished
    before an interruption is kept.

    Args:
      tokenizer: an image tokenizer (or model) folder.
      cache: where the training of an image tokenizer stored pixels, if it did (`out/images` if not given).

    Raises:
      UserError: data is missing or broken, or `tokenizer` is for images of another size.
    """
    config, out = narrow(config), arguments.path("out", out)
    cache = out / IMAGES if cache is None else arguments.path("cache", cache)
    image_tokenizer = bundle.load_image_tokenizer(arguments.path("tokenizer", tokenizer))
    if image_tokenizer.config.resolution != config.data.image_size:
        raise UserError(
            f"{tokenizer}: an image tokenizer for {image_tokenizer.config.resolution} pixels,"
            f" but data.image_size={config.data.image_size}"
        )
    words = text_tokenizer.load(remote.fetch(config.decoder.init_from)) if config.decoder.init_from else None
    identity = fingerprint(image_tokenizer)

    encode = _on_all_devices(image_tokenizer)
    folder, batch = RunFolder(out), prepare.BATCH * jax.local_device_count()
    job = shards.Job(jax.process_index(), jax.process_count(), hosts.wait, folder.publish, folder.fetch)
    hosts.in_turn(folder.fetch, "the store's folder is here")
    prepare.run(config, encode, identity, cache, out, words, job, batch)
    if hosts.first():
        folder.publish(without=IMAGES)
        folder.withdraw(prepare.SHARDS)
    hosts.wait("store published")
    return folder.fetch()


def _on_all_devices(tokenizer: ImageTokenizer) -> Callable[[np.ndarray], np.ndarray]:
    """uint8 images [B, S, S, 3] -> codes [B, n], encoded by this process's devices in equal parts."""
    mesh = jax.sharding.Mesh(np.array(jax.local_devices()), ("image",))
    params = jax.device_put(tokenizer.params, NamedSharding(mesh, PartitionSpec()))
    parts = NamedSharding(mesh, PartitionSpec("image"))

    def encode(images: np.ndarray) -> np.ndarray:
        images = tokenizer.checked_images(images)
        return np.asarray(encode_images(tokenizer.config, params, jax.device_put(images, parts), tokenizer.range))

    return encode


def choose_layout(config: DecoderRunConfig, vocab_size: int) -> DecoderRunConfig:
    """`config` with a mesh and a number of accumulated parts for the devices of this job; reports changes.

    Values set in the config are kept, see `plan.layout.choose`.
    """
    devices = jax.devices()
    if config.train.batch_size % len(devices):
        return config  # some devices are idle, or the batch is refused, see `partitioning.sharing_mesh`
    chosen = layout.choose(config, vocab_size, devices)
    changed = chosen.train.mesh != config.train.mesh or chosen.accumulate != max(config.accumulate, 1)
    if changed and hosts.first():
        say(f"decoder: layout decoder.train.mesh={chosen.train.mesh} decoder.accumulate={chosen.accumulate}")
    return chosen


def own_tokenizer(config: Config, out: pathlib.Path, cache: pathlib.Path, store_follows: bool = True) -> pathlib.Path:
    """The image tokenizer of the run in `out`, trained unless an earlier run with the same config has trained it.

    A damaged one is written again from the last checkpoint of its run.

    Args:
      cache: where the pixels are stored.
      store_follows: a store is made next; errors that would prevent that are raised before the training.

    Returns:
      `out/tokenizer`.

    Raises:
      UserError: as `train_tokenizer`.
    """
    tokenizer = RunFolder(out).fetch("tokenizer")
    if (tokenizer / "config.json").is_file():
        checkpoint.check_config(out, _tokenizer_identity(config))
        damage = _damage(tokenizer)
        if hosts.all_agree(damage is None):
            return tokenizer
        if not checkpoint.steps(out):
            raise damage or UserError(f"{tokenizer}: another process could not read it")
        if hosts.first():
            say(f"{damage or tokenizer}; it is written again from the last checkpoint")
    if store_follows:
        hosts.in_turn(lambda: prepare.check(config), "data checked")
    return train_tokenizer(config, out, cache)


def _damage(tokenizer: pathlib.Path) -> UserError | None:
    try:
        bundle.load_image_tokenizer(tokenizer)
    except UserError as error:
        return error
    return None


def _check_devices(config: Config, trains_tokenizer: bool) -> None:
    """Raises UserError, before any work, if the devices cannot train with the config."""
    for run in (config.decoder.train, *([config.image.train] if trains_tokenizer else ())):
        partitioning.check_batch(run.batch_size, partitioning.sharing_mesh(run.batch_size, run.mesh))
    attention = attention_kind(config.decoder.model, config.decoder.row_ids, train=True)
    if attention == "cudnn" and partitioning.platform() != "gpu":
        raise UserError("decoder.model.attention=cudnn needs a GPU; set decoder.model.attention=auto")
    codes = config.image.model.tokens
    if trains_tokenizer and config.decoder.sequence_length <= codes:
        raise UserError(
            f"decoder.sequence_length={config.decoder.sequence_length} is too short for the {codes} codes of an image"
        )


def _tokenizer_identity(config: Config) -> dict[str, Any]:
    """What determines an image tokenizer's weights; a resumed run must have the same."""
    identity: dict[str, Any] = {
        "image": to_dict(config.image),
        "data": to_dict(config.data, without=(Role.FREE, Role.STORE_ONLY)),
    }
    if schema := _label_schema(config):
        identity[LABELS] = [attribute.to_json() for attribute in schema]
    return identity


def _label_schema(config: Config) -> tuple[Attribute, ...]:
    """The attributes of all sources if the image tokenizer is also trained on labels, otherwise none."""
    if not (config.image.loss.labels or config.image.loss.code_labels):
        return ()
    sources = registry.weighted(config.data.sources)
    return merge_schemas(registry.schema(source, name) for name, source in sources.items())


def _read_images(config: Config, split: Split, cache: pathlib.Path) -> list[pixels.ImageSet]:
    return [pixels.read_images(source, split, config.data, cache) for source in open_sources(config).values()]


def _local_rows(run: TrainConfig) -> list[int] | None:
    """The rows of a batch that this process makes; None if it is the only process and makes all."""
    if not hosts.many():
        return None
    return partitioning.local_rows(run.batch_size, partitioning.sharing_mesh(run.batch_size, run.mesh))
