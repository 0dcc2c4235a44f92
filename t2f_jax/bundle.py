"""A model folder: decoder, image tokenizer, text tokenizer, config and provenance, saved and loaded together.

    config.json                  structure of every part, joint vocabulary, attributes, preprocessing
    decoder.safetensors          the decoder's weights, each layer under its own name (`layer_0.attention...`)
    image_tokenizer.safetensors  the VQGAN's weights, codebook included
    text_tokenizer.model         SentencePiece (or vocab.txt: WordPiece)
    provenance.json              how the model was made, see `Provenance`

All of it is data: JSON, safetensors and a SentencePiece or WordPiece file; nothing is unpickled or executed.
`inference.model` holds what a loaded model can do.
"""

import dataclasses
import functools
import hashlib
import os
import pathlib
import reprlib
from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict

from t2f_jax.config import limits
from t2f_jax.config.schema import DecoderConfig, DecoderRunConfig, PixelRange, Preprocess, Role, VQGANConfig
from t2f_jax.config.typed import from_dict, to_dict
from t2f_jax.errors import UserError, WrongArgument, naming
from t2f_jax.io import metrics
from t2f_jax.io.files import nearest_folder, read_json, whole_folder, write_json
from t2f_jax.io.weights import load_params, save_params
from t2f_jax.models.image_tokenizer import ImageTokenizer, fingerprint, update_with_params
from t2f_jax.models.params import abstract_decoder, abstract_vqgan, unstack_layers
from t2f_jax.tokens import text_tokenizer
from t2f_jax.tokens.attributes import Attribute
from t2f_jax.tokens.vocab import Vocab

FORMAT = 1
IMAGE_TOKENIZER = "image_tokenizer.safetensors"
DECODER = "decoder.safetensors"


class Provenance(TypedDict):
    """How a model was made: provenance.json."""

    config: dict[str, Any]  # of the experiment, as `typed.to_dict` writes it
    steps: int  # of the decoder's training
    sources: dict[str, dict[str, int]]  # source -> split -> number of faces
    baselines: dict[str, Any]  # answers without the image: each source's majority answers and means
    versions: NotRequired[dict[str, str]]  # of the packages
    # For a model imported from the original's files: which quirks were set, a prefix of tensor names, and the files.
    compat: NotRequired[str]
    vqgan_prefix: NotRequired[str]
    imported: NotRequired[list[dict[str, str]]]


def _unknown_provenance() -> Provenance:
    return {"config": {}, "steps": 0, "sources": {}, "baselines": {}}


@dataclasses.dataclass(frozen=True, eq=False)
class Bundle:
    """The parts of a model, as its folder holds them. `inference.model.Model` computes with them.

    Raises:
      ValueError: the image tokenizer's pixel range is not that of `preprocess`.
    """

    run_config: DecoderRunConfig
    params: Any  # the decoder's; layers one by one or stacked
    image_tokenizer: ImageTokenizer
    tokenizer: text_tokenizer.TextTokenizer
    schema: tuple[Attribute, ...]
    preprocess: Preprocess = dataclasses.field(default_factory=Preprocess)
    provenance: Provenance = dataclasses.field(default_factory=_unknown_provenance)
    name: str = ""
    saved_hash: str = ""  # hash of the weights, from the folder

    def __post_init__(self):
        if self.image_tokenizer.range != self.preprocess.range:
            raise ValueError(
                f"the image tokenizer reads pixels by '{self.image_tokenizer.range}', preprocess says"
                f" '{self.preprocess.range}'"
            )

    @functools.cached_property
    def vocab(self) -> Vocab:
        """The joint vocabulary of its text tokenizer and its image codes."""
        return text_tokenizer.vocab(self.tokenizer, self.image_tokenizer.config.n_embed)

    @functools.cached_property
    def hash(self) -> str:
        """Hash of all weights: the one in the folder, or computed if there is none."""
        return self.saved_hash or hash_weights(self.image_tokenizer, self.params)

    @property
    def text_length(self) -> int:
        """Maximum number of ids of a prompt, including its frame: as many as training had room for before an image."""
        room = self.run_config.sequence_length - self.image_tokenizer.config.tokens
        return min(self.run_config.text_length, room)


def hash_weights(tokenizer: ImageTokenizer, params: Any) -> str:
    """Hash of the weights of an image tokenizer and a decoder; stacked layers count as single ones."""
    digest = hashlib.sha256(fingerprint(tokenizer).encode())
    update_with_params(digest, unstack_layers(params))
    return digest.hexdigest()[:16]


def save_image_tokenizer(
    folder: pathlib.Path, config: VQGANConfig, params: Any, provenance: Mapping[str, object]
) -> None:
    """Writes an image tokenizer folder (`config.json`, weights, `provenance.json`), completely or not at all."""
    with whole_folder(folder) as partial:
        save_params(partial / IMAGE_TOKENIZER, params)
        write_json(partial / "config.json", {"format": FORMAT, "image_tokenizer": to_dict(config)})
        write_json(partial / "provenance.json", provenance)


def load_image_tokenizer(folder: str | pathlib.Path) -> ImageTokenizer:
    """Loads the image tokenizer of an image tokenizer folder or of a model folder. Raises UserError as `load` does."""
    folder = pathlib.Path(folder)
    values = _read_config(folder, "an image tokenizer folder")
    preprocess = _typed(Preprocess, values, "preprocess", folder) if "preprocess" in values else Preprocess()
    return _image_tokenizer(folder, values, preprocess.range)


def save(folder: pathlib.Path, model: Bundle, kind: str = "float32") -> None:
    """Writes a model folder, completely or not at all; a stacked decoder is unstacked.

    `kind` is the type that the decoder's weights are rounded to in the file, see `weights.save_params`.
    """
    with whole_folder(folder) as partial:
        params = unstack_layers(model.params)
        save_params(partial / DECODER, params, kind)
        if kind != "float32":
            params = load_params(partial / DECODER, abstract_decoder(model.run_config.model, model.vocab.size))
        save_params(partial / IMAGE_TOKENIZER, model.image_tokenizer.params)
        model.tokenizer.save(partial)
        values = {
            "format": FORMAT,
            "name": model.name,
            "weights": hash_weights(model.image_tokenizer, params),
            "decoder": to_dict(model.run_config),
            "image_tokenizer": to_dict(model.image_tokenizer.config),
            "vocab": to_dict(model.vocab),
            "attributes": [a.to_json() for a in model.schema],
            "preprocess": to_dict(model.preprocess),
        }
        write_json(partial / "config.json", values)
        write_json(partial / "provenance.json", model.provenance)


def load(folder: str | pathlib.Path) -> Bundle:
    """Loads a model folder.

    Raises:
      UserError: the folder or a part of it is missing, broken, or does not fit the others; the message names the part.
    """
    folder = pathlib.Path(folder)
    values = _read_config(folder, "a model folder")
    run = _typed(DecoderRunConfig, values, "decoder", folder)
    preprocess = _typed(Preprocess, values, "preprocess", folder)
    with naming(folder / "config.json"):
        limits.check_decoder(run.model, "decoder.model")
    image_tokenizer = _image_tokenizer(folder, values, preprocess.range)
    tokenizer = text_tokenizer.load(folder)
    vocab = text_tokenizer.vocab(tokenizer, image_tokenizer.config.n_embed)
    if vocab != _typed(Vocab, values, "vocab", folder):
        raise UserError(
            f"{folder}: the text tokenizer holds {vocab.text_size} ids, but config.json was written for a different one"
        )
    return Bundle(
        run_config=run,
        params=load_params(folder / DECODER, abstract_decoder(run.model, vocab.size)),
        image_tokenizer=image_tokenizer,
        tokenizer=tokenizer,
        schema=_schema(values, folder),
        preprocess=preprocess,
        provenance=_provenance(folder / "provenance.json"),
        name=_text(values, "name", folder),
        saved_hash=_text(values, "weights", folder),
    )


def check_structure(model: Bundle, config: DecoderConfig) -> None:
    """Raises UserError, naming the keys, if a new run's decoder has another structure than the loaded model."""
    old, new = (to_dict(c, without=(Role.NOT_STRUCTURE, Role.TRAINING_ONLY)) for c in (model.run_config.model, config))
    wrong = [f"decoder.model.{k}={new[k]!r}, there {old[k]!r}" for k in new if new[k] != old[k]]
    if wrong:
        raise UserError(f"decoder.init_from: the model there has another structure; {'; '.join(wrong)}")


def initial_params(model: Bundle, config: DecoderConfig, vocab: Vocab) -> Any:
    """The decoder's weights of a loaded model, as initial weights of another run (`decoder.init_from`).

    Raises:
      UserError: the new run's decoder has another structure (the differing keys are named) or another vocabulary.
    """
    check_structure(model, config)
    if vocab != model.vocab:
        raise UserError(
            "decoder.init_from: the store was prepared with another text or image tokenizer than the model's"
        )
    return model.params


def _read_config(folder: pathlib.Path, what: str) -> dict[str, Any]:
    """config.json of `folder`, which should be `what`."""
    if not os.path.isdir(folder):  # pathlib raises for a name that is too long
        state = "this is a file" if os.path.exists(folder) else "no such folder"
        if os.path.exists(run := folder.parent / metrics.NUMBERS):
            step = max((row["step"] for row in metrics.read(run)), default=0)
            state += f" yet: the run in {folder.parent} is at step {step}, and writes its model at its end"
        elif near := nearest_folder(folder):
            raise WrongArgument(f"{folder}: {state}; the nearest is '{near}'")
        raise WrongArgument(f"{folder}: {state}; give {what}, such as the one that training wrote")
    if not (folder / "config.json").exists() and (folder / "model").is_dir():
        raise WrongArgument(f"{folder}: this is the folder of a run; give its {folder / 'model'}")
    if not (folder / "config.json").exists() and (folder / "image_tokenizer.json").is_file():
        raise UserError(
            f"{folder}: this is an export to safetensors, for other programs, and cannot be read back; give the folder"
            " that it was made from"
        )
    values = read_json(folder / "config.json", f"config.json of {what}")
    if isinstance(values, dict) and values.get("model_type") == "talk2face":
        raise UserError(
            f"{folder}: this is an export to Hugging Face, for PyTorch (modeling_talk2face.load), and cannot be read"
            " back; give the folder that it was made from"
        )
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise UserError(f"{folder / 'config.json'}: its format is not {FORMAT}, the one that this version reads")
    return values


def _image_tokenizer(folder: pathlib.Path, values: dict[str, Any], range: PixelRange) -> ImageTokenizer:
    config = _typed(VQGANConfig, values, "image_tokenizer", folder)
    with naming(folder / "config.json"):
        limits.check_vqgan(config, "image_tokenizer")
    return ImageTokenizer(config, load_params(folder / IMAGE_TOKENIZER, abstract_vqgan(config)), range)


def _typed(cls: type, values: dict[str, Any], key: str, folder: pathlib.Path) -> Any:
    """The part `key` of config.json as the dataclass `cls`."""
    part = _part(values, key, folder)
    with naming(folder / "config.json"):
        return from_dict(cls, part, f"{key}.")


def _schema(values: dict[str, Any], folder: pathlib.Path) -> tuple[Attribute, ...]:
    listed = _part(values, "attributes", folder)
    if not isinstance(listed, list):
        raise UserError(f"{folder / 'config.json'}: 'attributes' must be a list, got {reprlib.repr(listed)}")
    with naming(folder / "config.json"):
        schema = tuple(Attribute.from_json(a) for a in listed)
    names = [a.name for a in schema]
    if len(set(names)) < len(names):
        raise UserError(f"{folder / 'config.json'}: 'attributes' lists an attribute twice")
    return schema


def _provenance(path: pathlib.Path) -> Provenance:
    """A model's provenance; the types of its parts are checked."""
    values = read_json(path, "the model's provenance")
    if not isinstance(values, dict):
        raise UserError(f"{path}: the model's provenance is broken (it is not an object)")
    provenance: Any = values
    types = {"config": dict, "steps": int, "sources": dict, "baselines": dict, "vqgan_prefix": str, "compat": str}
    for key, type_ in types.items():
        if key in provenance and type(provenance[key]) is not type_:
            raise UserError(f"{path}: '{key}' must be of type {type_.__name__}, got {reprlib.repr(provenance[key])}")
    for name, counts in provenance.get("sources", {}).items():
        if not isinstance(counts, dict) or not all(type(count) is int for count in counts.values()):
            raise UserError(
                f"{path}: 'sources' must hold the number of faces of each split, which is missing for '{name}'"
            )
    return provenance


def _text(values: dict[str, Any], key: str, folder: pathlib.Path) -> str:
    """The text `key` of config.json; empty if it is absent."""
    text = values.get(key, "")
    if not isinstance(text, str):
        raise UserError(f"{folder / 'config.json'}: '{key}' must be of type str, got {reprlib.repr(text)}")
    return text


def _part(values: dict[str, Any], key: str, folder: pathlib.Path) -> Any:
    if key not in values:
        raise UserError(f"{folder / 'config.json'}: the part '{key}' is missing")
    return values[key]
