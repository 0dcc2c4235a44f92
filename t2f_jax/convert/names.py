"""The original's tensors and ours: names, shapes and layouts, converted both ways bit for bit.

Talk2Face (TencentPretrain): 198 tensors of `talk2face.bin`; query, key and value are one kernel here. VQGAN
(taming-transformers): 343 tensors of the f16 model, one to one. A torch Linear is [out, in] and a Conv2d [out, in, y,
x]; a kernel here is [in, out] and [y, x, in, out].
"""

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from flax import traverse_util

from t2f_jax.config.schema import DecoderConfig, VQGANConfig

Path = tuple[str, ...]
_AXES = {"dense": (1, 0), "conv": (2, 3, 1, 0)}  # our axes as indices of torch's axes


@dataclasses.dataclass(frozen=True)
class Name:
    """One tensor of the original.

    Attributes:
      original: its name there.
      path: its path in our parameters.
      shape: its shape there.
      layout: "same", "dense" (transposed) or "conv".
      part: which third of a fused query-key-value it is; None: all of it.
    """

    original: str
    path: Path
    shape: tuple[int, ...]
    layout: str = "same"
    part: int | None = None


def decoder_names(config: DecoderConfig, vocab_size: int) -> list[Name]:
    """Every tensor of a decoder in the original's order."""
    width, mlp = config.width, config.mlp
    names = [
        Name("embedding.word.embedding.weight", ("embed", "word"), (vocab_size, width)),
        Name("embedding.pos.embedding.weight", ("embed", "position"), (config.max_length, width)),
        Name("embedding.seg.embedding.weight", ("embed", "segment"), (3, width)),
    ]

    def dense(original: str, path: Path, out: int, into: int, part: int | None = None) -> None:
        names.append(Name(f"{original}.weight", (*path, "kernel"), (out, into), "dense", part))
        names.append(Name(f"{original}.bias", (*path, "bias"), (out,), part=part))

    def norm(original: str, *path: str) -> None:
        names.append(Name(f"{original}.gamma", (*path, "scale"), (width,)))
        names.append(Name(f"{original}.beta", (*path, "bias"), (width,)))

    for i in range(config.layers):
        there, here = f"encoder.transformer.{i}", f"layer_{i}"
        for part in range(3):
            dense(f"{there}.self_attn.linear_layers.{part}", (here, "attention", "qkv"), width, width, part)
        dense(f"{there}.self_attn.final_linear", (here, "attention", "out"), width, width)
        dense(f"{there}.feed_forward.linear_1", (here, "mlp", "up"), mlp, width)
        dense(f"{there}.feed_forward.linear_2", (here, "mlp", "down"), width, mlp)
        norm(f"{there}.layer_norm_1", here, "norm_1")
        norm(f"{there}.layer_norm_2", here, "norm_2")
    norm("encoder.layer_norm", "final_norm")
    return [*names, Name("target.lm.output_layer.weight", ("head", "weight"), (vocab_size, width))]


def vqgan_names(config: VQGANConfig) -> list[Name]:
    """Every tensor of a VQGAN (`patch` 1, encoder "vqgan") in the original's order, without any prefix."""
    c, names = config, []
    widths = [c.ch * multiple for multiple in c.ch_mult]
    levels = range(len(widths))
    attending = [c.resolution >> i in c.attn_resolutions for i in levels]

    def path(original: str) -> Path:
        """ "encoder.down.0.block.1.conv1" -> ("encoder", "down_0", "block_1", "conv1")."""
        parts: list[str] = []
        for part in original.split("."):
            parts = [*parts[:-1], f"{parts[-1]}_{part}"] if part.isdecimal() else [*parts, part]
        return tuple(parts)

    def conv(original: str, into: int, out: int, size: int = 3) -> None:
        names.append(Name(f"{original}.weight", (*path(original), "kernel"), (out, into, size, size), "conv"))
        names.append(Name(f"{original}.bias", (*path(original), "bias"), (out,)))

    def norm(original: str, width: int) -> None:
        names.append(Name(f"{original}.weight", (*path(original), "scale"), (width,)))
        names.append(Name(f"{original}.bias", (*path(original), "bias"), (width,)))

    def block(original: str, into: int, out: int) -> None:
        norm(f"{original}.norm1", into)
        conv(f"{original}.conv1", into, out)
        norm(f"{original}.norm2", out)
        conv(f"{original}.conv2", out, out)
        if into != out:
            conv(f"{original}.nin_shortcut", into, out, 1)

    def attention(original: str, width: int) -> None:
        norm(f"{original}.norm", width)
        for part in ("q", "k", "v", "proj_out"):
            conv(f"{original}.{part}", width, width, 1)

    def level(original: str, into: int, out: int, blocks: int, attend: bool) -> None:
        for j in range(blocks):
            block(f"{original}.block.{j}", out if j else into, out)
        for j in range(blocks if attend else 0):
            attention(f"{original}.attn.{j}", out)

    def middle(original: str, width: int) -> None:
        block(f"{original}.block_1", width, width)
        attention(f"{original}.attn_1", width)
        block(f"{original}.block_2", width, width)

    conv("encoder.conv_in", c.in_channels, c.ch)
    for i in levels:
        level(f"encoder.down.{i}", widths[i - 1] if i else c.ch, widths[i], c.num_res_blocks, attending[i])
        if i < levels[-1]:
            conv(f"encoder.down.{i}.downsample.conv", widths[i], widths[i])
    middle("encoder.mid", widths[-1])
    norm("encoder.norm_out", widths[-1])
    conv("encoder.conv_out", widths[-1], c.z_channels)
    conv("decoder.conv_in", c.z_channels, widths[-1])
    middle("decoder.mid", widths[-1])
    for i in levels:
        into = widths[i + 1] if i < levels[-1] else widths[-1]
        level(f"decoder.up.{i}", into, widths[i], c.num_res_blocks + 1, attending[i])
        if i:
            conv(f"decoder.up.{i}.upsample.conv", widths[i], widths[i])
    norm("decoder.norm_out", widths[0])
    conv("decoder.conv_out", widths[0], c.in_channels)
    names.append(Name("quantize.embedding.weight", ("quantize", "embedding"), (c.n_embed, c.embed_dim)))
    conv("quant_conv", c.z_channels, c.embed_dim, 1)
    conv("post_quant_conv", c.embed_dim, c.z_channels, 1)
    return names


def to_ours(names: Iterable[Name], read: Callable[[Name], np.ndarray]) -> Any:
    """Our nested parameters, float32, from the tensors that `read` returns; each is read once, in order."""
    flat: dict[Path, np.ndarray] = {}
    waiting: dict[Path, list[np.ndarray]] = {}
    for name in names:
        value = read(name)
        if name.layout in _AXES:
            value = value.transpose(_AXES[name.layout])
        if name.part is None:
            flat[name.path] = np.ascontiguousarray(value, np.float32)
            continue
        thirds = waiting.setdefault(name.path, [])
        thirds.append(value)
        if len(thirds) == 3:
            flat[name.path] = np.concatenate(waiting.pop(name.path), axis=-1, dtype=np.float32)
    return traverse_util.unflatten_dict(flat)


def to_original(names: Iterable[Name], params: Any) -> Iterator[tuple[str, np.ndarray]]:
    """Yields the original's name and tensor, float32, of each name, so that only one is in memory at a time."""
    flat: Any = traverse_util.flatten_dict(params)
    for name in names:
        value = np.asarray(flat[name.path], np.float32)
        if name.part is not None:
            value = np.split(value, 3, axis=-1)[name.part]
        if name.layout in _AXES:
            value = value.transpose(np.argsort(_AXES[name.layout]))
        yield name.original, np.ascontiguousarray(value)


def fresh(name: Name, rng: np.random.Generator) -> np.ndarray:
    """An initial value, float32, for a tensor that a file lacks, with the distribution of the models' initializers."""
    kind = name.path[-1]
    if kind in ("scale", "bias"):
        return np.full(name.shape, kind == "scale", np.float32)
    if name.layout == "conv":
        return rng.uniform(-1, 1, name.shape).astype(np.float32) * np.float32(math.prod(name.shape[1:]) ** -0.5)
    if kind == "embedding":
        return rng.uniform(-1, 1, name.shape).astype(np.float32) / np.float32(name.shape[0])
    return rng.normal(0, 0.02, name.shape).astype(np.float32)
