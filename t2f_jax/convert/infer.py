"""Infers a model's structure from the shapes of its tensors, without the original's config files."""

import pathlib
import re
from collections.abc import Mapping
from typing import Any

from t2f_jax.config.schema import DecoderConfig, VQGANConfig
from t2f_jax.config.typed import from_dict
from t2f_jax.errors import UserError, naming
from t2f_jax.io.zip_files import shown

Shapes = Mapping[str, tuple[int, ...]]
WORDS = "embedding.word.embedding.weight"  # a row per id
_FOREIGN = {  # name prefixes of other kinds of image tokenizers
    "quantize.embed.weight": "a Gumbel quantizer (it has 'quantize.embed.weight'), which chooses codes differently",
    "quantize.proj.": "a Gumbel quantizer (it has 'quantize.proj'), which chooses codes differently",
    "encoder.down_blocks.": "a model of diffusers, which names its parts differently",
    "encoder.conv_blocks.": "a LlamaGen checkpoint: its weights are under 'model', and of another structure",
}
_SECOND_STAGE = ("transformer.", "cond_stage_model.", "tok_emb.", "pos_emb", "blocks.", "ln_f.", "head.")
HEAD_WIDTH = 64  # of the released model; no tensor's shape shows the number of heads


def decoder_config(path: pathlib.Path, shapes: Shapes, heads: int = 0) -> DecoderConfig:
    """Structure of a Talk2Face decoder.

    Args:
      heads: attention heads; 0: heads of 64 columns each.

    Raises:
      UserError: a tensor that determines the structure is missing or invalid; the message names it.
    """
    width = _shape(path, shapes, WORDS, 2)[1]
    heads = heads or max(1, width // HEAD_WIDTH)
    if width % heads:
        raise UserError(f"{path}: a model of width {width} cannot have {heads} heads; give --heads")
    return _typed(
        path,
        DecoderConfig,
        "decoder.model.",
        layers=_count(shapes, r"encoder\.transformer\.(\d{1,4})\."),
        width=width,
        heads=heads,
        mlp=_shape(path, shapes, "encoder.transformer.0.feed_forward.linear_1.weight", 2)[0],
        max_length=_shape(path, shapes, "embedding.pos.embedding.weight", 2)[0],
        norm="talk2face",
        dropout=0.1,
    )


def vqgan_config(path: pathlib.Path, shapes: Shapes, image_size: int = 256) -> VQGANConfig:
    """Structure of a taming-transformers VQModel.

    Args:
      image_size: side of its images in pixels, which no tensor's shape shows.

    Raises:
      UserError: as `decoder_config`.
    """
    for name, what in _FOREIGN.items():
        if any(known.startswith(name) for known in shapes):
            raise UserError(f"{path}: {what}; give a VQModel of taming-transformers")
    if all(name.startswith(_SECOND_STAGE) for name in shapes):
        raise UserError(f"{path}: no image tokenizer in it, but a second stage or other parts; give the VQModel itself")
    out, back = shapes.get("quant_conv.weight", ()), shapes.get("post_quant_conv.weight", ())
    if len(out) == len(back) == 4 and out[0] == 2 * back[1]:  # means and variances
        raise UserError(f"{path}: an autoencoder without a codebook (KL); give a VQModel of taming-transformers")
    ch, in_channels = _shape(path, shapes, "encoder.conv_in.weight", 4)[:2]
    if in_channels != 3:
        raise UserError(f"{path}: its images have {in_channels} channels; faces are RGB pictures of 3")
    levels = _count(shapes, r"encoder\.down\.(\d{1,2})\.")
    widths = [_shape(path, shapes, f"encoder.down.{i}.block.0.conv1.weight", 4)[0] for i in range(levels)]
    if not levels or ch < 1 or any(width % ch or not width for width in widths):
        raise UserError(f"{path}: encoder levels of {widths} channels, not multiples of conv_in's {ch}: no VQGAN")
    if image_size >> (levels - 1) < 1 or image_size % (1 << (levels - 1)):
        raise UserError(f"{path}: {levels} levels need images of a multiple of {1 << (levels - 1)}; give --image-size")
    n_embed, embed_dim = _shape(path, shapes, "quantize.embedding.weight", 2)
    return _typed(
        path,
        VQGANConfig,
        "image.model.",
        resolution=image_size,
        in_channels=in_channels,
        ch=ch,
        ch_mult=tuple(width // ch for width in widths),
        num_res_blocks=_count(shapes, r"encoder\.down\.0\.block\.(\d{1,3})\."),
        attn_resolutions=tuple(image_size >> i for i in range(levels) if f"encoder.down.{i}.attn.0.q.weight" in shapes),
        z_channels=_shape(path, shapes, "decoder.conv_in.weight", 4)[1],
        embed_dim=embed_dim,
        n_embed=n_embed,
    )


def _shape(path: pathlib.Path, shapes: Shapes, name: str, axes: int) -> tuple[int, ...]:
    if name not in shapes:
        near = ", ".join(shown(known) for known in list(shapes)[:3])
        raise UserError(f"{path}: no tensor '{name}', without which its structure is unknown; it begins with {near}")
    if len(shapes[name]) != axes:
        raise UserError(f"{path}: tensor '{name}' has the shape {shapes[name]}, not {axes} axes")
    return shapes[name]


def _count(shapes: Shapes, pattern: str) -> int:
    """One more than the largest number that the pattern finds at a name's start."""
    matches = (re.match(pattern, name, re.ASCII) for name in shapes)
    return max((int(match.group(1)) + 1 for match in matches if match), default=0)


def _typed(path: pathlib.Path, cls: type, where: str, **values: Any) -> Any:
    with naming(path):
        return from_dict(cls, values, where)
