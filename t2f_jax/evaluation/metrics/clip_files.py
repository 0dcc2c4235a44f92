"""A user's CLIP: its structure, weights and tokenizer.

    transformers   config.json, model.safetensors or pytorch_model.bin, tokenizer.json or vocab.json and merges.txt
    open_clip      open_clip_config.json, open_clip_model.safetensors or open_clip_pytorch_model.bin, and a tokenizer

A single file with OpenAI's tensor names (such as FaRL's) is read if one of the configs is beside it: the file alone
does not state the number of heads or the activation.
"""

import dataclasses
import hashlib
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from t2f_jax.errors import UserError, naming
from t2f_jax.evaluation.metrics.extra import needed
from t2f_jax.io.files import read_json
from t2f_jax.io.weights import load_tensors
from t2f_jax.models import clip
from t2f_jax.models.clip import Clip, Tower

if TYPE_CHECKING:
    import tokenizers

CONFIGS = {  # config -> names of the weights beside it
    "config.json": ("model.safetensors", "pytorch_model.bin"),
    "open_clip_config.json": ("open_clip_model.safetensors", "open_clip_pytorch_model.bin"),
}


@dataclasses.dataclass(frozen=True)
class OpenedClip:
    """A CLIP ready to use.

    Attributes:
      protocol: every choice that changes its vectors.
      folder: that of its tokenizer.
    """

    clip: Clip
    params: Any = dataclasses.field(repr=False)
    protocol: Mapping[str, object]
    folder: pathlib.Path

    def tokenize(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Texts -> int32 ids [N, context], zeros after the end of text; and whether a text was cut, bool [N].

        Raises:
          UserError: the folder holds no tokenizer, or the package `tokenizers` is not installed.
        """
        tokenizer, context = _tokenizer(self.folder), self.clip.context
        ids, cut = np.zeros((len(texts), context), np.int32), np.zeros(len(texts), bool)
        start, end = (tokenizer.token_to_id(f"<|{name}|>") for name in ("startoftext", "endoftext"))
        if start is None or end is None or end != self.clip.vocab - 1:
            raise UserError(f"{self.folder}: its tokenizer is not CLIP's ({self.clip.vocab} ids, the last one ends)")
        for row, encoded in enumerate(tokenizer.encode_batch(list(texts), add_special_tokens=False)):
            kept = encoded.ids[: context - 2]
            ids[row, : len(kept) + 2] = [start, *kept, end]
            cut[row] = len(encoded.ids) > len(kept)
        return ids, cut


def open_clip(path: pathlib.Path, tensors: Mapping[str, np.ndarray] | None = None) -> OpenedClip:
    """The CLIP in a folder, or in a file with a config beside it.

    Args:
      tensors: those of the file, if they have been read already.

    Raises:
      UserError: a part is missing or broken, or the config describes another network; the message says which.
    """
    folder = path if path.is_dir() else path.parent
    configs = [folder / name for name in CONFIGS if (folder / name).is_file()]
    files = [config.parent / name for config in configs for name in CONFIGS[config.name]] if path.is_dir() else [path]
    weights = next((file for file in files if file.is_file()), None)
    if not configs or weights is None:
        known = " or ".join(f"{config} with {' or '.join(names)}" for config, names in CONFIGS.items())
        raise UserError(f"{path}: no CLIP; a folder holds {known}, and a file has one of these configs beside it")
    config = next((c for c in configs if weights.name in CONFIGS[c.name]), configs[-1])
    with naming(config):
        structure = _structure(read_json(config, "a CLIP's config"), folder)
    with naming(weights):
        params = clip.from_tensors(load_tensors(weights, clip.is_needed) if tensors is None else tensors, structure)
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    tower = structure.visual
    protocol = {
        "network": f"clip {tower.layers}x{tower.width}/{structure.patch} at {structure.side}",
        "weights": digest,
        "activation": structure.activation,
        "resize": "bicubic float",
    }
    return OpenedClip(structure, params, protocol, folder)


def _structure(values: Any, folder: pathlib.Path) -> Clip:
    try:
        if values.get("model_type") == "clip":
            return _of_transformers(values, folder)
        values = values.get("model_cfg", values) | {"preprocess_cfg": values.get("preprocess_cfg", {})}
        if "vision_cfg" in values and "text_cfg" in values:
            return _of_open_clip(values)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"not a CLIP's config ({type(error).__name__}: {error})") from error
    raise UserError("not a CLIP's config: it has neither \"model_type\": \"clip\" nor 'vision_cfg' and 'text_cfg'")


def _of_transformers(values: dict[str, Any], folder: pathlib.Path) -> Clip:
    """Missing values of the config get transformers' defaults."""
    parts = {name: values.get(name) or values.get(f"{name}_dict") or {} for name in ("vision_config", "text_config")}
    names = ("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size")
    defaults = {"vision_config": (12, 768, 12, 3072), "text_config": (12, 512, 8, 2048)}
    towers = {
        name: Tower(*(part.get(key, value) for key, value in zip(names, defaults[name])))
        for name, part in parts.items()
    }
    vision, text = parts["vision_config"], parts["text_config"]
    activation = vision.get("hidden_act", "quick_gelu")
    if activation not in ("quick_gelu", "gelu") or text.get("hidden_act", "quick_gelu") != activation:
        raise ValueError(f"hidden_act '{activation}' of images, '{text.get('hidden_act', 'quick_gelu')}' of texts")
    preprocessor = folder / "preprocessor_config.json"
    scaling = read_json(preprocessor, "a CLIP's preprocessor") if preprocessor.is_file() else {}
    return Clip(
        *(towers["vision_config"], towers["text_config"], vision.get("image_size", 224), vision.get("patch_size", 32)),
        embed=values.get("projection_dim", 512),
        vocab=text.get("vocab_size", 49408),
        context=text.get("max_position_embeddings", 77),
        activation=activation,
        epsilon=vision.get("layer_norm_eps", 1e-5),
        **_scaling(scaling.get("image_mean"), scaling.get("image_std")),
    )


def _of_open_clip(values: dict[str, Any]) -> Clip:
    vision, text = values["vision_cfg"], values["text_cfg"]
    for part, key in ((vision, "timm_model_name"), (text, "hf_model_name")):
        if part.get(key):
            raise ValueError(f"'{key}': only OpenAI's vision transformers are read")
    width, wide = vision["width"], text["width"]
    return Clip(
        Tower(vision["layers"], width, width // vision.get("head_width", 64), int(width * vision.get("mlp_ratio", 4))),
        Tower(text["layers"], wide, text["heads"], int(wide * text.get("mlp_ratio", 4))),
        *(vision["image_size"], vision["patch_size"], values["embed_dim"]),
        vocab=text.get("vocab_size", 49408),
        context=text.get("context_length", 77),
        activation="quick_gelu" if values.get("quick_gelu") else "gelu",
        **_scaling(values["preprocess_cfg"].get("mean"), values["preprocess_cfg"].get("std")),
    )


def _scaling(mean: Sequence[float] | None, deviation: Sequence[float] | None) -> dict[str, Any]:
    return {"mean": tuple(mean), "deviation": tuple(deviation)} if mean and deviation else {}


def _tokenizer(folder: pathlib.Path) -> "tokenizers.Tokenizer":
    with needed("tokenizers"):
        import tokenizers
    whole, vocab, merges = (folder / name for name in ("tokenizer.json", "vocab.json", "merges.txt"))
    try:
        if whole.is_file():
            made = tokenizers.Tokenizer.from_file(str(whole))
            made.no_truncation()
            made.no_padding()
            return made
        if vocab.is_file() and merges.is_file():
            return _byte_pairs(str(vocab), str(merges))
    except Exception as error:  # the library raises no narrower type
        raise UserError(f"{folder}: its tokenizer is broken ({error})") from error
    raise UserError(f"{folder}: no tokenizer; tokenizer.json, or vocab.json and merges.txt are wanted")


def _byte_pairs(vocab: str, merges: str) -> "tokenizers.Tokenizer":
    """CLIP's tokenizer as transformers makes it from its two files."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    tokenizer = Tokenizer(models.BPE.from_file(vocab, merges, end_of_word_suffix="</w>", unk_token="<|endoftext|>"))
    tokenizer.normalizer = normalizers.Sequence(  # pyright: ignore[reportAttributeAccessIssue]
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    words = Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
    split = pre_tokenizers.Split(words, behavior="removed", invert=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(  # pyright: ignore[reportAttributeAccessIssue]
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    return tokenizer
