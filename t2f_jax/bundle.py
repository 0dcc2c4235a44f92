"""A model folder: decoder, image tokenizer, text tokenizer, config and provenance, as one thing to save, load and use.

    config.json                  structure of every part, joint vocabulary, attributes, preprocessing
    decoder.safetensors          decoder weights, one layer by one (`layer_0.attention...`)
    image_tokenizer.safetensors  VQGAN weights, codebook included
    text_tokenizer.model         SentencePiece (or vocab.txt: WordPiece)
    provenance.json              config of the run, steps, data, versions, figures

Everything in it is data: JSON, safetensors and a SentencePiece or WordPiece file; nothing is unpickled or executed.
What a loaded model does is in `inference.model`.
"""

import dataclasses
import functools
import hashlib
import pathlib
from typing import Any

from t2f_jax.config.schema import DecoderConfig, DecoderRunConfig, Role, VQGANConfig
from t2f_jax.config.typed import from_dict, to_dict
from t2f_jax.errors import UserError
from t2f_jax.io.files import read_json, whole_folder, write_json
from t2f_jax.io.weights import load_params, save_params
from t2f_jax.models.image_tokenizer import ImageTokenizer, fingerprint, update_with_params
from t2f_jax.models.params import abstract_decoder, abstract_vqgan, unstack_layers
from t2f_jax.tokens import text_tokenizer
from t2f_jax.tokens.attributes import Attribute
from t2f_jax.tokens.vocab import Vocab

FORMAT = 1
IMAGE_TOKENIZER = "image_tokenizer.safetensors"
DECODER = "decoder.safetensors"


@dataclasses.dataclass(frozen=True)
class Preprocess:
    """What is done to a picture before it is encoded."""

    crop: float = 1.0  # side of the centred square crop, as a share of the shorter image side
    resize: str = "crop"  # crop (a centred square, bicubic) | squash (all of it, bilinear, as the original)
    range: str = "correct"  # correct | paper_double | clip_double, see `image_tokenizer.to_unit`


def weights_hash(tokenizer: ImageTokenizer, params: Any) -> str:
    """Hash of a model's weights, layers one by one."""
    digest = hashlib.sha256(fingerprint(tokenizer).encode())
    update_with_params(digest, unstack_layers(params))
    return digest.hexdigest()[:16]


@dataclasses.dataclass(frozen=True)
class Bundle:
    """The parts of a model, as they lie in its folder. `inference.model.Model` is what they compute.

    `image_tokenizer` reads pixels in the range that `preprocess` names, whichever it was given with.
    """

    run_config: DecoderRunConfig
    params: Any  # the decoder's
    image_tokenizer: ImageTokenizer
    tokenizer: text_tokenizer.TextTokenizer
    schema: tuple[Attribute, ...]
    preprocess: Preprocess = Preprocess()
    provenance: dict[str, Any] = dataclasses.field(default_factory=dict)
    name: str = ""
    weights_hash: str = ""  # as its folder tells it; `hash` is known always

    def __post_init__(self):
        images = self.image_tokenizer
        object.__setattr__(self, "image_tokenizer", ImageTokenizer(images.config, images.params, self.preprocess.range))

    @functools.cached_property
    def vocab(self) -> Vocab:
        """The joint vocabulary of its text tokenizer and its image codes."""
        return text_tokenizer.vocab(self.tokenizer, self.image_tokenizer.config.n_embed)

    @functools.cached_property
    def hash(self) -> str:
        """Hash of all weights; the one in its folder, where there is one."""
        return self.weights_hash or weights_hash(self.image_tokenizer, self.params)


# --- shapes ----------------------------------------------------------------------------------------------------------


# --- the image tokenizer alone ---------------------------------------------------------------------------------------


def save_image_tokenizer(folder: pathlib.Path, config: VQGANConfig, params: Any, provenance: dict[str, Any]) -> None:
    """Writes an image tokenizer folder (`config.json`, weights, `provenance.json`), whole or not at all."""
    with whole_folder(folder) as partial:
        save_params(partial / IMAGE_TOKENIZER, params)
        write_json(partial / "config.json", {"format": FORMAT, "image_tokenizer": to_dict(config)})
        write_json(partial / "provenance.json", provenance)


def load_image_tokenizer(folder: str | pathlib.Path) -> ImageTokenizer:
    """Loads the image tokenizer of an image tokenizer folder or of a model folder. Raises UserError as `load` does."""
    folder = pathlib.Path(folder)
    values = _read_config(folder, "an image tokenizer folder")
    config = _typed(VQGANConfig, values, "image_tokenizer", folder)
    if not config.ch_mult or min(config.resolution, config.patch) < 1 or config.resolution % config.factor:
        raise UserError(f"{folder / 'config.json'}: image_tokenizer.resolution is no multiple of its factor")
    preprocess = _preprocess(values, folder) if "preprocess" in values else Preprocess()
    return ImageTokenizer(config, load_params(folder / IMAGE_TOKENIZER, abstract_vqgan(config)), preprocess.range)


# --- the whole model -------------------------------------------------------------------------------------------------


def save(folder: pathlib.Path, model: Bundle, kind: str = "float32") -> None:
    """Writes a model folder, whole or not at all; a stacked decoder is unstacked.

    `kind` is what the decoder's weights are rounded to in the file, see `weights.save_params`.
    """
    with whole_folder(folder) as partial:
        params = unstack_layers(model.params) if "layers" in model.params else model.params
        save_params(partial / DECODER, params, kind)
        if kind != "float32":
            params = load_params(partial / DECODER, abstract_decoder(model.run_config.model, model.vocab.size))
        save_params(partial / IMAGE_TOKENIZER, model.image_tokenizer.params)
        model.tokenizer.save(partial)
        values = {
            "format": FORMAT,
            "name": model.name,
            "weights": weights_hash(model.image_tokenizer, params),
            "decoder": to_dict(model.run_config),
            "image_tokenizer": to_dict(model.image_tokenizer.config),
            "vocab": dataclasses.asdict(model.vocab),
            "attributes": [a.to_json() for a in model.schema],
            "preprocess": dataclasses.asdict(model.preprocess),
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
    if run.model.width % run.model.heads:
        raise UserError(f"{folder / 'config.json'}: decoder.model.width is no multiple of decoder.model.heads")
    image_tokenizer = load_image_tokenizer(folder)
    tokenizer = text_tokenizer.load(folder)
    vocab = text_tokenizer.vocab(tokenizer, image_tokenizer.config.n_embed)
    if vocab != _typed(Vocab, values, "vocab", folder):
        raise UserError(
            f"{folder}: the text tokenizer holds {vocab.text_size} ids, but config.json was written for another one"
        )
    return Bundle(
        run_config=run,
        params=load_params(folder / DECODER, abstract_decoder(run.model, vocab.size)),
        image_tokenizer=image_tokenizer,
        tokenizer=tokenizer,
        schema=_schema(values, folder),
        preprocess=_preprocess(values, folder),
        provenance=read_json(folder / "provenance.json", "the model's provenance"),
        name=values.get("name", ""),
        weights_hash=values.get("weights", ""),
    )


def initial_params(model: Bundle, config: DecoderConfig, vocab: Vocab) -> Any:
    """The decoder's weights of a loaded model, to start another training from (`decoder.init_from`).

    Raises:
      UserError: the new run's decoder has another structure (the differing keys are named) or other words.
    """
    old, new = (to_dict(c, without=(Role.NOT_STRUCTURE, Role.TRAINING_ONLY)) for c in (model.run_config.model, config))
    wrong = [f"decoder.model.{k}={new[k]!r}, there {old[k]!r}" for k in new if new[k] != old[k]]
    if wrong:
        raise UserError(f"decoder.init_from: the model there has another structure; {'; '.join(wrong)}")
    if vocab != model.vocab:
        raise UserError(
            "decoder.init_from: the store was prepared with another text or image tokenizer than the model's"
        )
    return model.params


def _read_config(folder: pathlib.Path, what: str) -> dict[str, Any]:
    if not folder.is_dir():
        found = "this is a file" if folder.exists() else "no such folder"
        raise UserError(f"{folder}: {found}; give {what}, such as the one that training wrote")
    if not (folder / "config.json").exists() and (folder / "model").is_dir():
        raise UserError(f"{folder}: this is the folder of a run; give its {folder / 'model'}")
    values = read_json(folder / "config.json", f"config.json of {what}")
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise UserError(f"{folder / 'config.json'}: its format is not {FORMAT}, the one that this version reads")
    return values


def _typed(cls: type, values: dict[str, Any], key: str, folder: pathlib.Path) -> Any:
    try:
        return from_dict(cls, _part(values, key, folder), f"{key}.")
    except (UserError, TypeError) as error:
        raise UserError(f"{folder / 'config.json'}: {error}") from error


def _preprocess(values: dict[str, Any], folder: pathlib.Path) -> Preprocess:
    preprocess = _typed(Preprocess, values, "preprocess", folder)
    if not 0 < preprocess.crop <= 1:
        raise UserError(f"{folder / 'config.json'}: preprocess.crop={preprocess.crop} must lie above 0, at most at 1")
    return preprocess


def _schema(values: dict[str, Any], folder: pathlib.Path) -> tuple[Attribute, ...]:
    listed = _part(values, "attributes", folder)
    if not isinstance(listed, list):
        raise UserError(f"{folder / 'config.json'}: 'attributes' must be a list, got {listed!r}")
    try:
        schema = tuple(Attribute.from_json(a) for a in listed)
    except UserError as error:
        raise UserError(f"{folder / 'config.json'}: {error}") from error
    names = [a.name for a in schema]
    if len(set(names)) < len(names):
        raise UserError(f"{folder / 'config.json'}: an attribute stands in 'attributes' twice")
    return schema


def _part(values: dict[str, Any], key: str, folder: pathlib.Path) -> Any:
    if key not in values:
        raise UserError(f"{folder / 'config.json'}: the part '{key}' is missing")
    return values[key]
