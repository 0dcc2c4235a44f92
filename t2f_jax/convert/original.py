"""Reads the original's files as a model: `talk2face.bin`, a VQGAN checkpoint and a WordPiece vocabulary."""

import dataclasses
import hashlib
import pathlib
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from t2f_jax import bundle
from t2f_jax.config.schema import (
    Config,
    DataConfig,
    DecoderConfig,
    ImageTokenizerConfig,
    PixelRange,
    Preprocess,
    TextConfig,
    VQGANConfig,
)
from t2f_jax.config.typed import to_dict
from t2f_jax.convert import infer, quirks
from t2f_jax.convert.match import match, reader
from t2f_jax.convert.names import decoder_names, to_ours, vqgan_names
from t2f_jax.convert.select import FIRST_STAGE, Selection, averaged, select
from t2f_jax.data.datasets import registry
from t2f_jax.errors import UserError
from t2f_jax.io.files import read_json
from t2f_jax.io.progress import say
from t2f_jax.io.torch_reader import TorchFile, summary
from t2f_jax.models.image_tokenizer import ImageTokenizer
from t2f_jax.tokens import vocab
from t2f_jax.tokens.attributes import merge_schemas
from t2f_jax.tokens.text_tokenizer import WordPiece

DECODER_FILE, VQGAN_FILE, VOCAB_FILE, CONFIG_FILE = "talk2face.bin", "last.ckpt", "vocab.txt", "base_config.json"
HEAD_BIAS = "target.lm.output_layer.bias"


@dataclasses.dataclass(frozen=True)
class Options:
    """Settings that the files do not contain.

    Attributes:
      compat: set every quirk of the original (see `quirks`), or only the norm that its weights need.
      range: how pictures are scaled for the encoder; empty: by `compat`.
      heads: attention heads; 0: heads of 64 columns each.
      image_size: side of the images in pixels.
      allow_missing: patterns of tensors that may be missing; they get initial values.
      ignore: patterns of tensors to leave out, by their names in the file.
      ema: use the averaged weights that an image tokenizer's file has besides the plain ones.
    """

    compat: bool = True
    range: PixelRange | Literal[""] = ""
    heads: int = 0
    image_size: int = 256
    allow_missing: Sequence[str] = ()
    ignore: Sequence[str] = ()
    ema: bool = False


def open_decoder(path: pathlib.Path, options: Options) -> tuple[DecoderConfig, int, Callable[[], dict[str, Any]]]:
    """`talk2face.bin` -> (structure, number of ids, a function that reads the parameters).

    Raises:
      UserError: an unreadable file, or tensors that do not fit.
    """
    file = TorchFile(path)
    _say_placeholders(file)
    chosen = select(path, file.tensors, infer.WORDS, options.ignore)
    tensors = chosen.tensors
    if HEAD_BIAS in tensors:
        say(
            f"WARNING: {path}: '{HEAD_BIAS}' is left out: the original's head has no bias, and its own loader drops it."
            " If it is not zero, this is not a Talk2Face file"
        )
        del tensors[HEAD_BIAS]
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    config, size = infer.decoder_config(path, shapes, options.heads), shapes[infer.WORDS][0]
    names = decoder_names(config, size)
    allowed = match(path, names, tensors, options.allow_missing)
    return config, size, lambda: to_ours(names, reader(path, file.read, chosen.files, allowed))


def open_vqgan(path: pathlib.Path, options: Options) -> tuple[VQGANConfig, str, Callable[[], dict[str, Any]]]:
    """A VQGAN checkpoint -> (structure, its names' prefix, a function that reads the parameters).

    Reads a VQModel alone, or the `first_stage_model.` of a Net2NetTransformer, without the latter's own tensors and
    those of the loss; averaged weights are used only with `options.ema`.

    Raises:
      UserError: an unreadable file, or tensors that do not fit.
    """
    file = TorchFile(path)
    _say_placeholders(file)
    chosen = select(path, file.tensors, "encoder.conv_in.weight", options.ignore, beside=True)
    if options.ema:
        chosen = averaged(path, file.tensors, chosen)
    shapes = {name: tensor.shape for name, tensor in chosen.tensors.items()}
    config = infer.vqgan_config(path, shapes, options.image_size)
    _drop_whole_remap(file, chosen, config.n_embed)
    names = vqgan_names(config)
    allowed = match(path, names, chosen.tensors, options.allow_missing)
    prefix = FIRST_STAGE if FIRST_STAGE in chosen.prefix else ""
    return config, prefix, lambda: to_ours(names, reader(path, file.read, chosen.files, allowed))


def _drop_whole_remap(file: TorchFile, chosen: Selection, n_embed: int) -> None:
    """Drops `quantize.used`, the indices of the codes in use, from the tensors, if every code keeps its index."""
    if "quantize.used" not in chosen.tensors:
        return
    used = file.read(chosen.files["quantize.used"])
    if used.shape != (n_embed,) or (used != np.arange(n_embed)).any():
        raise UserError(
            f"{file.path}: its codes have new numbers ('quantize.used' keeps {used.size} of {n_embed}), by which the"
            " decoder knows them; a codebook with such numbers is not read"
        )
    del chosen.tensors["quantize.used"]


def read_pair(
    decoder: pathlib.Path, vqgan: pathlib.Path, vocab_file: pathlib.Path, options: Options | None = None
) -> bundle.Bundle:
    """The original's three files as a model.

    Raises:
      UserError: an unreadable file, tensors that do not fit, a vocabulary of another size than the weights', images of
        more codes than the decoder has positions.
    """
    options = options or Options()
    words = WordPiece.load(vocab_file)
    _check_special(vocab_file, words)
    image, prefix, read_image_params = open_vqgan(vqgan, options)
    structure, size, read_params = open_decoder(decoder, options)
    if words.size + image.n_embed != size:
        raise UserError(
            f"{vocab_file}: {words.size} pieces and the {image.n_embed} image codes of {vqgan.name} make"
            f" {words.size + image.n_embed} ids, but {decoder.name} knows {size}; give the vocabulary of"
            f" {size - image.n_embed} pieces that it was trained with"
        )
    if image.tokens >= structure.max_length:
        raise UserError(
            f"{decoder}: its {structure.max_length} positions leave no room for a prompt beside the {image.tokens}"
            " codes of an"
            f" image of {image.resolution} x {image.resolution} by {vqgan.name}; give the side of its images with"
            " --image-size"
        )
    config, preprocess = _settings(structure, image, options)
    provenance: bundle.Provenance = {
        "config": to_dict(config),
        "steps": 0,
        "sources": {},
        "baselines": {},
        "compat": quirks.COMPAT if options.compat else "",
        "vqgan_prefix": prefix,
        "imported": [{"file": f.name, "sha256": _sha256(f)} for f in (decoder, vqgan, vocab_file)],
    }
    return bundle.Bundle(
        run_config=config.decoder,
        params=read_params(),
        image_tokenizer=ImageTokenizer(image, read_image_params(), preprocess.range),
        tokenizer=words,
        schema=merge_schemas(registry.find(kind).schema for kind in ("utkface", "celeba")),
        preprocess=preprocess,
        provenance=provenance,
        name=config.name,
    )


def _settings(structure: DecoderConfig, image: VQGANConfig, options: Options) -> tuple[Config, Preprocess]:
    """The config and the preprocessing of a pair's model."""
    run, evaluation, preprocess = quirks.options(options.compat)
    if options.range:
        preprocess = dataclasses.replace(preprocess, range=options.range)
    run = dataclasses.replace(run, model=structure, sequence_length=min(334, structure.max_length))
    config = Config(
        name="talk2face",
        data=DataConfig(image_size=image.resolution),
        image=ImageTokenizerConfig(model=image),
        text=TextConfig(kind="wordpiece"),
        decoder=run,
        eval=evaluation,
    )
    return config, preprocess


def read_folder(folder: pathlib.Path) -> bundle.Bundle:
    """The model in a folder that was exported to the original's format.

    Raises:
      UserError: as `read_pair`; base_config.json is missing, or lacks heads and image size.
    """
    values = read_json(folder / CONFIG_FILE, "the original's configuration")
    try:
        options = Options(heads=int(values["heads_num"]), image_size=int(values["image_height"]))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{folder / CONFIG_FILE}: heads_num or image_height is missing or not a number") from error
    return read_pair(folder / DECODER_FILE, folder / VQGAN_FILE, folder / VOCAB_FILE, options)


def _check_special(path: pathlib.Path, words: WordPiece) -> None:
    """Checks that a vocabulary of the released size has its special pieces at the released one's ids.

    Otherwise its ids would mean other words than those that the weights were trained on.
    """
    ids = (words.pad, words.unk, words.cls, words.sep)
    if words.size == vocab.ORIGINAL_TEXT_SIZE and ids != vocab.ORIGINAL_SPECIAL:
        raise UserError(
            f"{path}: [PAD] [UNK] [CLS] [SEP] stand at {ids}, in the original's vocabulary at"
            f" {vocab.ORIGINAL_SPECIAL}; give google_uncased_en_vocab.txt"
        )


def _say_placeholders(file: TorchFile) -> None:
    if file.placeholders:
        say(f"{file.path}: it also names {summary(file.placeholders)}; none was imported or run")


def _sha256(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
