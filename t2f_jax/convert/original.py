"""The original's files -> a model: `talk2face.bin`, a VQGAN checkpoint and a WordPiece vocabulary."""

import dataclasses
import hashlib
import pathlib
import sys
from collections.abc import Callable, Sequence
from typing import Any, Literal

from t2f_jax import bundle
from t2f_jax.config.schema import Config, DataConfig, ImageTokenizerConfig, PixelRange, TextConfig, VQGANConfig
from t2f_jax.config.typed import to_dict
from t2f_jax.convert import infer, quirks
from t2f_jax.convert.match import match, reader
from t2f_jax.convert.names import decoder_names, to_ours, vqgan_names
from t2f_jax.convert.torch_reader import TorchFile, summary
from t2f_jax.data.datasets import registry
from t2f_jax.errors import UserError
from t2f_jax.io.files import read_json
from t2f_jax.models.image_tokenizer import ImageTokenizer
from t2f_jax.tokens import vocab
from t2f_jax.tokens.attributes import merge_schemas
from t2f_jax.tokens.text_tokenizer import WordPiece

DECODER_FILE, VQGAN_FILE, VOCAB_FILE, CONFIG_FILE = "talk2face.bin", "last.ckpt", "vocab.txt", "base_config.json"
PREFIX = "first_stage_model."  # of a VQGAN inside taming's Net2NetTransformer
HEAD_BIAS = "target.lm.output_layer.bias"


@dataclasses.dataclass(frozen=True)
class Options:
    """How to take files in that do not say everything about themselves.

    Attributes:
      compat: set every quirk of the original (see `quirks`), or none but the norm that its weights need.
      range: how pictures are scaled for the encoder; empty: as `compat` says.
      heads: attention heads; 0: of 64 columns each.
      image_size: side of the images in pixels.
      allow_missing: patterns of tensors that may be missing; they get fresh values.
    """

    compat: bool = True
    range: PixelRange | Literal[""] = ""
    heads: int = 0
    image_size: int = 256
    allow_missing: Sequence[str] = ()


def _warn(line: str) -> None:
    print(line, file=sys.stderr)


def read_decoder(
    path: pathlib.Path, ids: Callable[[int], None], options: Options, say: Callable[[str], None] = _warn
) -> tuple[Any, Any]:
    """`talk2face.bin` -> (DecoderConfig, parameters).

    Args:
      ids: is called with the rows of the word embedding before anything large is read; raises if they are too many.

    Raises:
      UserError: an unreadable file, or tensors that do not fit.
    """
    file = TorchFile(path)
    _tell(file, say)
    tensors = dict(file.tensors)
    if HEAD_BIAS in tensors:
        say(
            f"WARNING: {path}: '{HEAD_BIAS}' is left out: the original's head has no bias, and its own loader drops it."
            " If it is not zero, this is not a Talk2Face file"
        )
        del tensors[HEAD_BIAS]
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    config = infer.decoder_config(path, shapes, options.heads)
    rows = shapes["embedding.word.embedding.weight"][0]
    ids(rows)
    names = decoder_names(config, rows)
    allowed = match(path, names, tensors, options.allow_missing, say)
    return config, to_ours(names, reader(file.read, "", allowed))


def read_vqgan(
    path: pathlib.Path, options: Options, say: Callable[[str], None] = _warn
) -> tuple[VQGANConfig, str, Callable[[], Any]]:
    """A VQGAN checkpoint -> (structure, its names' prefix, a function that reads the parameters).

    A stand-alone VQModel, or `first_stage_model.` in a Net2NetTransformer, whose own tensors are left alone, as are
    the loss's.

    Raises:
      UserError: an unreadable file, or tensors that do not fit.
    """
    file = TorchFile(path)
    _tell(file, say)
    prefix = PREFIX if any(name.startswith(PREFIX) for name in file.tensors) else ""
    ignored = ("transformer.", "loss.", f"{PREFIX}loss.")
    tensors = {k.removeprefix(prefix): v for k, v in file.tensors.items() if not k.startswith(ignored)}
    left = len(file.tensors) - len(tensors)
    if left:
        say(f"{path}: {left} tensors of the transformer and of the loss are left out; the image tokenizer needs none")
    config = infer.vqgan_config(path, {name: tensor.shape for name, tensor in tensors.items()}, options.image_size)
    names = vqgan_names(config)
    allowed = match(path, names, tensors, options.allow_missing, say)
    return config, prefix, lambda: to_ours(names, reader(file.read, prefix, allowed))


def read_pair(
    decoder: pathlib.Path,
    vqgan: pathlib.Path,
    vocab_file: pathlib.Path,
    options: Options | None = None,
    say: Callable[[str], None] = _warn,
) -> bundle.Bundle:
    """The original's three files as a model.

    Raises:
      UserError: an unreadable file, tensors that do not fit, a vocabulary of another size than the weights', images of
        more codes than the decoder has positions.
    """
    options = options or Options()
    words = WordPiece.load(vocab_file)
    _check_special(vocab_file, words)
    image_config, prefix, read_image_params = read_vqgan(vqgan, options, say)

    def fits(rows: int) -> None:
        if words.size + image_config.n_embed != rows:
            raise UserError(
                f"{vocab_file}: {words.size} pieces and the {image_config.n_embed} image codes of {vqgan.name} make"
                f" {words.size + image_config.n_embed} ids, but {decoder.name} knows {rows}; give the vocabulary of"
                f" {rows - image_config.n_embed} pieces that it was trained with"
            )

    structure, params = read_decoder(decoder, fits, options, say)
    if image_config.tokens >= structure.max_length:
        side = image_config.resolution
        raise UserError(
            f"{decoder}: its {structure.max_length} positions hold no prompt beside the {image_config.tokens} codes of"
            f" an image of {side} x {side} by {vqgan.name}; give the side of its images with --image-size"
        )
    run, evaluation, preprocess = quirks.options(options.compat)
    if options.range:
        preprocess = dataclasses.replace(preprocess, range=options.range)
    run = dataclasses.replace(run, model=structure, sequence_length=min(334, structure.max_length))
    config = Config(
        name="talk2face",
        data=DataConfig(image_size=image_config.resolution),
        image=ImageTokenizerConfig(model=image_config),
        text=TextConfig(kind="wordpiece"),
        decoder=run,
        eval=evaluation,
    )
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
        run_config=run,
        params=params,
        image_tokenizer=ImageTokenizer(image_config, read_image_params(), preprocess.range),
        tokenizer=words,
        schema=merge_schemas(registry.find(kind).schema for kind in ("utkface", "celeba")),
        preprocess=preprocess,
        provenance=provenance,
        name=config.name,
    )


def read_folder(folder: pathlib.Path, say: Callable[[str], None] = _warn) -> bundle.Bundle:
    """The folder that an export to the original's format wrote, with what its base_config.json tells."""
    told = read_json(folder / CONFIG_FILE, "the original's configuration")
    try:
        options = Options(heads=int(told["heads_num"]), image_size=int(told["image_height"]))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{folder / CONFIG_FILE}: heads_num or image_height is missing or no number") from error
    return read_pair(folder / DECODER_FILE, folder / VQGAN_FILE, folder / VOCAB_FILE, options, say)


def _check_special(path: pathlib.Path, words: WordPiece) -> None:
    """A vocabulary of the released size is the released one, or its ids mean other words than the weights'."""
    ids = (words.pad, words.unk, words.cls, words.sep)
    if words.size == vocab.ORIGINAL_TEXT_SIZE and ids != vocab.ORIGINAL_SPECIAL:
        raise UserError(
            f"{path}: [PAD] [UNK] [CLS] [SEP] stand at {ids}, in the original's vocabulary at"
            f" {vocab.ORIGINAL_SPECIAL}; give google_uncased_en_vocab.txt"
        )


def _tell(file: TorchFile, say: Callable[[str], None]) -> None:
    if file.placeholders:
        say(f"{file.path}: it also names {summary(file.placeholders)}; none was imported or run")


def _sha256(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
