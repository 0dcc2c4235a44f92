"""Talk2Face in PyTorch: words to faces, faces to words, faces to age and attributes, by one prefix-LM transformer.

Stands alone beside the files of its folder, with transformers or without:

    from transformers import AutoModel
    model = AutoModel.from_pretrained(FOLDER, trust_remote_code=True)

    import modeling_talk2face
    model = modeling_talk2face.load(FOLDER)

    faces = model.generate_images("a smiling woman", {"age": 30}, seeds=[0, 1])  # uint8 [2, S, S, 3]
    model.caption(faces), model.analyze(faces, ["age", "gender"])

Needs torch, numpy, Pillow, safetensors, and sentencepiece or tokenizers (for a vocab.txt).

Axis legend: B rows, L ids of a row, Q queries, K keys, H heads, D width of a head, M model width, V ids of the
vocabulary, P ids of the longest prefix; N images, S pixels of a side, G codes of a side, n = G * G codes of an image,
C channels, E width of a code.
"""

# pyright: reportMissingImports=false

import dataclasses
import difflib
import itertools
import json
import math
import operator
import os
import pathlib
import re
import reprlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import IO, Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, UnidentifiedImageError
from torch import Tensor, nn

try:
    from transformers import PretrainedConfig, PreTrainedModel
    from transformers.utils.hub import cached_file
except ImportError:
    PreTrainedModel = None  # `load` does without

Picture = str | os.PathLike | IO[bytes] | Image.Image | np.ndarray

# --- what a caller gives ---------------------------------------------------------------------------------------------


def wrong(name: str, value: object, right: str, kind: type[Exception] = TypeError) -> Exception:
    """The error of an argument that must be something else: `right` says what."""
    shape = getattr(value, "shape", ())
    shown = f"an array of {getattr(value, 'dtype', '')} {[*shape]}" if shape else " ".join(reprlib.repr(value).split())
    return kind(f"{name}={shown} must be {right}")


def is_number(value: object) -> bool:
    """Is it of a numeric type, of Python, numpy, JAX or torch? A bool is not, nor is a complex number."""
    dtype = str(getattr(value, "dtype", "float"))
    return not isinstance(value, bool) and ("int" in dtype or "float" in dtype)


def whole_number(name: str, value: Any, low: int, high: int | None = None) -> int:
    """A whole number of any type as Python's. TypeError: no whole number; ValueError: below `low` or above `high`."""
    right = f"a whole number from {low} {'on' if high is None else f'to {high}'}"
    try:
        number = operator.index(value)
    except TypeError:
        raise wrong(name, value, right) from None
    if not is_number(value):
        raise wrong(name, value, right)
    if number < low or (high is not None and number > high):
        raise wrong(name, value, right, ValueError)
    return number


def number(name: str, value: Any, fits: Callable[[float], bool], right: str) -> float:
    """A number of any real type as Python's. TypeError: no number; ValueError: not finite, or `fits` does not hold."""
    try:
        plain = value.__float__()
    except OverflowError:
        plain = math.inf
    except (AttributeError, TypeError, ValueError):
        raise wrong(name, value, f"a number {right}") from None
    if not is_number(value):
        raise wrong(name, value, f"a number {right}")
    if not (math.isfinite(plain) and fits(plain)):
        raise wrong(name, value, f"a number {right}", ValueError)
    return value if type(value) is int else plain


def items(name: str, value: Any, right: str) -> list[Any]:
    """The items of a list, an array or anything else that holds several; a str, bytes or a mapping is one thing."""
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes, bytearray, Mapping)):
        try:
            return list(iter(value))
        except TypeError:  # an array without axes, which has no items
            pass
    raise wrong(name, value, right)


def checked_text(name: str, value: Any) -> str:
    """A str in which every sign is one of Unicode's."""
    if not isinstance(value, str):
        raise wrong(name, value, "a str")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{name}={value!r}: invalid character at position {error.start}") from None
    return str(value)


def checked_seeds(value: Any) -> list[int]:
    """Seeds of any integer type as Python's ints."""
    seeds = items("seeds", value, "a list of whole numbers, one for each face")
    return [whole_number(f"seeds[{i}]", seed, 0, (1 << 32) - 1) for i, seed in enumerate(seeds)]


def array(name: str, value: Any, kind: type, shape: tuple[int | str, ...], what: str) -> np.ndarray:
    """What numpy, torch, JAX or lists hold, as an array: an axis has the size in `shape`, or any where a letter is."""
    right = f"{what} [{', '.join(map(str, shape))}]"
    try:
        values = np.asarray(value.detach().cpu() if isinstance(value, Tensor) else value)
    except Exception as error:  # of another library's own kind, or of lists of different lengths
        raise TypeError(f"{name} must be {right}; the given value is not an array ({error})") from error
    fits = values.ndim == len(shape) and all(isinstance(n, str) or n == m for n, m in zip(shape, values.shape))
    if not fits or not np.issubdtype(values.dtype, kind):
        raise ValueError(f"{name} must be {right}, got {values.dtype} {[*values.shape]}")
    return values


# --- the transformer -------------------------------------------------------------------------------------------------

HIDDEN = -1e9  # added to the score of an invisible key


def visible(segments: Tensor, mask: str) -> Tensor:
    """Segments, int [B,L] -> bool [B,L,L]: may the query of a row see the key of a column?

    Segment 0 is a pad, 1 the prefix, 2 and more a branch behind it. With mask "prefix" a prefix key is visible to every
    query, a branch's key to the later queries of its own branch; with "causal" to later queries only.
    """
    query, key = segments[:, :, None], segments[:, None, :]
    earlier = torch.ones(segments.shape[1:] * 2, dtype=torch.bool, device=segments.device).tril()
    seen = (key == 1) | ((key > 0) & earlier & ((key == query) | (query == 0)))
    return seen & earlier if mask == "causal" else seen


def rotations(positions: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """cos and sin, float32 [B,1,L,D/2], of position * 10000^(-2i/D) (RoFormer)."""
    rate = 10000.0 ** (-torch.arange(0, width, 2, dtype=torch.float32, device=positions.device) / width)
    angle = positions[:, None, :, None].float() * rate
    return angle.cos(), angle.sin()


def rotate(x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """[B,H,L,D]: turns the pair (i, i + D/2) by its position's angle."""
    cos, sin = rotation
    first, second = x.float().chunk(2, -1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], -1).to(x.dtype)


class Cache:
    """Keys and values of the ids read so far, for up to `slots` ids a row."""

    def __init__(self, c: SimpleNamespace, batch: int, slots: int, like: Tensor):
        """Makes an empty one, of the type and on the device of `like`."""
        self.store = like.new_empty(c.layers, 2, batch, c.heads, slots, c.width // c.heads)
        self.filled = 0

    def write(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Puts new keys and values [B,H,Q,D] behind the old ones; returns all of them, [B,H,K,D] each."""
        end = self.filled + k.shape[2]
        self.store[layer, 0, :, :, self.filled : end] = k
        self.store[layer, 1, :, :, self.filled : end] = v
        return self.store[layer, 0, :, :, :end], self.store[layer, 1, :, :, :end]


class Norm(nn.Module):
    """LayerNorm, RMSNorm, or the original's LayerNorm: (x - mean) / (unbiased std + 1e-6)."""

    def __init__(self, c: SimpleNamespace):
        super().__init__()
        self.kind = c.norm
        self.weight = nn.Parameter(torch.ones(c.width))
        self.bias = None if c.norm == "rmsnorm" else nn.Parameter(torch.zeros(c.width))

    def forward(self, x: Tensor) -> Tensor:
        """[..., M] -> the same shape and type; statistics in float32."""
        dtype, x = x.dtype, x.float()
        if self.bias is None:
            return (x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * self.weight).to(dtype)
        x = x - x.mean(-1, keepdim=True)
        if self.kind == "talk2face":
            spread = torch.linalg.vector_norm(x, dim=-1, keepdim=True)  # whose slope at 0 is 0, not that of a root
            x = x / (spread / math.sqrt(x.shape[-1] - 1) + 1e-6)
        else:
            x = x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6)
        return (x * self.weight + self.bias).to(dtype)


class Attention(nn.Module):
    """Multi-head self-attention; query, key and value in one product."""

    def __init__(self, c: SimpleNamespace):
        super().__init__()
        self.heads, self.dropout = c.heads, c.dropout
        self.qkv = nn.Linear(c.width, 3 * c.width, bias=c.bias)
        self.out = nn.Linear(c.width, c.width, bias=c.bias)

    def forward(
        self, x: Tensor, bias: Tensor, rotation: tuple[Tensor, Tensor] | None, cache: Cache | None, layer: int
    ) -> Tensor:
        """[B,Q,M] -> [B,Q,M]; `bias` [B,1,Q,K] is 0 where the key is visible."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        if rotation is not None:
            q, k = rotate(q, rotation), rotate(k, rotation)
        if cache is not None:
            k, v = cache.write(layer, k, v)
        out = F.scaled_dot_product_attention(q, k, v, bias, self.dropout if self.training else 0.0)
        return self.out(out.transpose(1, 2).flatten(2))


class MLP(nn.Module):
    """Two linear layers with a tanh-approximated GELU between."""

    def __init__(self, c: SimpleNamespace):
        super().__init__()
        self.up = nn.Linear(c.width, c.mlp, bias=c.bias)
        self.down = nn.Linear(c.mlp, c.width, bias=c.bias)

    def forward(self, x: Tensor) -> Tensor:
        """[..., M] -> the same shape."""
        return self.down(F.gelu(self.up(x), approximate="tanh"))


class Block(nn.Module):
    """x += attention(norm(x)); x += mlp(norm(x))."""

    def __init__(self, c: SimpleNamespace):
        super().__init__()
        self.norm_1, self.attention = Norm(c), Attention(c)
        self.norm_2, self.mlp = Norm(c), MLP(c)
        self.drop = nn.Dropout(c.dropout)

    def forward(self, x: Tensor, *attention: Any) -> Tensor:
        """[B,Q,M] -> [B,Q,M]; further arguments as in `Attention`."""
        x = x + self.drop(self.attention(self.norm_1(x), *attention))
        return x + self.drop(self.mlp(self.norm_2(x)))


class Embedding(nn.Module):
    """Sum of the word's, the position's and the segment's rows."""

    def __init__(self, c: SimpleNamespace, vocab_size: int):
        super().__init__()
        self.word = nn.Embedding(vocab_size, c.width)
        self.position = nn.Embedding(c.max_length, c.width) if c.positions == "learned" else None
        self.segment = nn.Embedding(3, c.width) if c.segments else None

    def forward(self, tokens: Tensor, segments: Tensor, positions: Tensor) -> Tensor:
        """int [B,L] three times -> [B,L,M]. Every branch takes the one segment row of targets."""
        x = self.word(tokens)
        if self.position is not None:
            x = x + self.position(positions)
        if self.segment is not None:
            x = x + self.segment(segments.clamp(max=2))
        return x


class Transformer(nn.Module):
    """Embedding, pre-norm blocks, final norm and head."""

    def __init__(self, c: SimpleNamespace, vocab_size: int):
        super().__init__()
        self.settings = c
        self.embed = Embedding(c, vocab_size)
        self.drop = nn.Dropout(c.dropout)
        self.layers = nn.ModuleList(Block(c) for _ in range(c.layers))
        self.final_norm = Norm(c)
        self.head = None if c.tie else nn.Linear(c.width, vocab_size, bias=False)

    def forward(
        self, tokens: Tensor, segments: Tensor, positions: Tensor, seen: Tensor, cache: Cache | None = None
    ) -> Tensor:
        """Reads L ids, behind those in the cache if there is one.

        Args:
          tokens, segments, positions: int [B,L].
          seen: bool [B,L,K], the ids that each may look at; K counts those in the cache and the new ones.

        Returns:
          What `logits` takes, [B,L,M].
        """
        c = self.settings
        x = self.drop(self.embed(tokens, segments, positions))
        bias = torch.where(seen, 0.0, max(HIDDEN, torch.finfo(x.dtype).min)).to(x.dtype)[:, None]
        rotation = rotations(positions, c.width // c.heads) if c.positions == "rotary" else None
        for i, layer in enumerate(self.layers):
            x = layer(x, bias, rotation, cache, i)
        if cache is not None:
            cache.filled += tokens.shape[1]
        return self.final_norm(x)

    def logits(self, hidden: Tensor, first: int = 0, count: int | None = None) -> Tensor:
        """[..., M] -> float32 logits [..., count] of the ids first .. first+count-1 (all V by default)."""
        table = (self.embed.word if self.head is None else self.head).weight
        return F.linear(hidden, table[first : None if count is None else first + count]).float()


# --- the image tokenizer (taming-transformers' VQModel, under its names) ---------------------------------------------


def conv(channels: int, features: int, size: int = 3) -> nn.Conv2d:
    """A convolution that keeps the side of the map."""
    return nn.Conv2d(channels, features, size, padding=size // 2)


def group_norm(channels: int) -> nn.GroupNorm:
    """32 groups, or the largest divisor that 32 shares with the channels."""
    return nn.GroupNorm(math.gcd(32, channels), channels, eps=1e-6)


class ResnetBlock(nn.Module):
    """x + conv2(dropout(swish(norm2(conv1(swish(norm1(x))))))); a 1x1 convolution on x where the width changes."""

    def __init__(self, channels: int, features: int, dropout: float):
        super().__init__()
        self.norm1, self.conv1 = group_norm(channels), conv(channels, features)
        self.norm2, self.conv2 = group_norm(features), conv(features, features)
        self.drop = nn.Dropout(dropout)
        self.nin_shortcut = conv(channels, features, 1) if channels != features else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,S,S] -> [N,features,S,S]."""
        h = self.conv1(F.silu(self.norm1(x)))
        return self.nin_shortcut(x) + self.conv2(self.drop(F.silu(self.norm2(h))))


class AttnBlock(nn.Module):
    """x + single-head attention over all positions of the map."""

    def __init__(self, channels: int):
        super().__init__()
        self.norm = group_norm(channels)
        self.q, self.k, self.v, self.proj_out = (conv(channels, channels, 1) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,S,S] -> the same shape."""
        h = self.norm(x)
        q, k, v = (layer(h).flatten(2).transpose(1, 2)[:, None] for layer in (self.q, self.k, self.v))
        h = F.scaled_dot_product_attention(q, k, v)[:, 0].transpose(1, 2).reshape(x.shape)
        return x + self.proj_out(h)


class Downsample(nn.Module):
    """Halves the map: padded right and bottom only, 3x3, stride 2."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,S,S] -> [N,C,S/2,S/2]."""
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class Upsample(nn.Module):
    """Doubles the map: nearest neighbour, then 3x3."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv = conv(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,S,S] -> [N,C,2S,2S]."""
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class Level(nn.Module):
    """Blocks of one resolution, each followed by attention if `attend`, then a change of resolution or none."""

    def __init__(self, channels: int, features: int, blocks: int, attend: bool, resample: str, dropout: float):
        super().__init__()
        widths = [channels] + [features] * blocks
        self.block = nn.ModuleList(ResnetBlock(a, b, dropout) for a, b in itertools.pairwise(widths))
        self.attn = nn.ModuleList(AttnBlock(features) for _ in range(blocks if attend else 0))
        self.width, self.resample = widths[-1], resample
        if resample == "downsample":
            self.downsample = Downsample(self.width)
        elif resample == "upsample":
            self.upsample = Upsample(self.width)

    def forward(self, x: Tensor) -> Tensor:
        """[N,channels,S,S] -> [N,features,S',S'] with S' = S/2, S or 2S."""
        for i, block in enumerate(self.block):
            x = block(x)
            if self.attn:
                x = self.attn[i](x)
        return getattr(self, self.resample)(x) if self.resample else x


class Middle(nn.Module):
    """Block, attention, block."""

    def __init__(self, channels: int, dropout: float):
        super().__init__()
        self.block_1 = ResnetBlock(channels, channels, dropout)
        self.attn_1 = AttnBlock(channels)
        self.block_2 = ResnetBlock(channels, channels, dropout)

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,S,S] -> the same shape."""
        return self.block_2(self.attn_1(self.block_1(x)))


class Encoder(nn.Module):
    """Folded images -> maps that `quant_conv` takes to code vectors."""

    def __init__(self, c: SimpleNamespace):
        super().__init__()
        side, width = c.resolution // c.patch, c.ch
        self.conv_in = conv(c.in_channels * c.patch**2, width)
        levels = []
        for i, multiple in enumerate(c.ch_mult):
            attend, resample = side // 2**i in c.attn_resolutions, "downsample" if i < len(c.ch_mult) - 1 else ""
            levels.append(Level(width, c.ch * multiple, c.num_res_blocks, attend, resample, c.dropout))
            width = levels[-1].width
        self.down = nn.ModuleList(levels)
        self.mid = Middle(width, c.dropout)
        self.norm_out, self.conv_out = group_norm(width), conv(width, c.z_channels)

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,S,S] -> [N,z_channels,G,G]."""
        x = self.conv_in(x)
        for level in self.down:
            x = level(x)
        return self.conv_out(F.silu(self.norm_out(self.mid(x))))


class PatchBlock(nn.Module):
    """x + dense2(gelu(dense1(norm(x))))."""

    def __init__(self, width: int, dropout: float):
        super().__init__()
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.dense1, self.dense2 = nn.Linear(width, width), nn.Linear(width, width)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """[..., width] -> the same shape."""
        return x + self.dense2(self.drop(F.gelu(self.dense1(self.norm(x)), approximate="tanh")))


class PatchEncoder(nn.Module):
    """As `Encoder`, but each code is a function of its own patch alone."""

    def __init__(self, c: SimpleNamespace):
        super().__init__()
        width = 2 * c.ch
        self.conv_in = nn.Linear(c.in_channels * c.patch**2, width)
        self.block = nn.ModuleList(PatchBlock(width, c.dropout) for _ in range(c.num_res_blocks))
        self.norm_out, self.conv_out = nn.LayerNorm(width, eps=1e-6), nn.Linear(width, c.z_channels)

    def forward(self, x: Tensor) -> Tensor:
        """[N,C,G,G] -> [N,z_channels,G,G]."""
        x = self.conv_in(x.permute(0, 2, 3, 1))
        for block in self.block:
            x = block(x)
        return self.conv_out(self.norm_out(x)).permute(0, 3, 1, 2)


class Decoder(nn.Module):
    """What `post_quant_conv` gives -> folded images; one block more per level than the encoder."""

    def __init__(self, c: SimpleNamespace):
        super().__init__()
        width = c.ch * c.ch_mult[-1]
        self.conv_in, self.mid = conv(c.z_channels, width), Middle(width, c.dropout)
        levels = []
        for i, multiple in reversed(list(enumerate(c.ch_mult))):
            attend = c.resolution // c.patch // 2**i in c.attn_resolutions
            resample = "upsample" if i else ""
            levels.append(Level(width, c.ch * multiple, c.num_res_blocks + 1, attend, resample, c.dropout))
            width = levels[-1].width
        self.up = nn.ModuleList(reversed(levels))  # numbered as the encoder's, run from the last to the first
        self.norm_out, self.conv_out = group_norm(width), conv(width, c.in_channels * c.patch**2)

    def forward(self, z: Tensor) -> Tensor:
        """[N,z_channels,G,G] -> [N,C,S,S]."""
        x = self.mid(self.conv_in(z))
        for level in reversed(self.up):
            x = level(x)
        return self.conv_out(F.silu(self.norm_out(x)))


class Quantizer(nn.Module):
    """The codebook."""

    def __init__(self, size: int, width: int):
        super().__init__()
        self.embedding = nn.Embedding(size, width)

    def forward(self, z: Tensor) -> Tensor:
        """Vectors [..., E] -> the nearest codes, int64 [...]: argmin of |z|^2 + |e|^2 - 2 z e, in float32."""
        z, codebook = z.float(), self.embedding.weight.float()
        return (z.square().sum(-1, keepdim=True) + codebook.square().sum(-1) - 2 * z @ codebook.T).argmin(-1)


class VQGAN(nn.Module):
    """Encoder, codebook, decoder. Images are float [N,3,S,S] in [-1, 1]."""

    def __init__(self, c: SimpleNamespace):
        super().__init__()
        self.patch = c.patch
        self.grids = c.scales or [c.resolution // (c.patch * 2 ** (len(c.ch_mult) - 1))]  # sides, coarse to fine
        self.count = sum(side**2 for side in self.grids)  # codes of an image
        self.encoder = PatchEncoder(c) if c.encoder == "patch" else Encoder(c)
        self.decoder = Decoder(c)
        self.quantize = Quantizer(c.n_embed, c.embed_dim)
        self.quant_conv = conv(c.z_channels, c.embed_dim, 1)
        self.post_quant_conv = conv(c.embed_dim, c.z_channels, 1)

    def encode(self, images: Tensor) -> Tensor:
        """Images -> code vectors before quantization, [N,E,G,G]."""
        p = self.patch
        x = images.to(self.quant_conv.weight.dtype)
        x = x.unflatten(2, (-1, p)).unflatten(4, (-1, p))  # [N,C,S/p,p,S/p,p]
        return self.quant_conv(self.encoder(x.permute(0, 3, 5, 1, 2, 4).flatten(1, 3)))

    def codes(self, images: Tensor) -> Tensor:
        """Images -> codes, int64 [N,n], grid after grid, row by row; each grid holds what those before it leave."""
        left, codes = self.encode(images).float(), []
        for side in self.grids:
            means = F.avg_pool2d(left, self.grids[-1] // side)
            codes.append(self.quantize(means.permute(0, 2, 3, 1)))
            left = left - self.spread(codes[-1])
        return torch.cat([c.flatten(1) for c in codes], 1)

    def spread(self, codes: Tensor) -> Tensor:
        """Codes [N,S,S] -> their vectors, each repeated over a square, [N,E,G,G]."""
        repeats = self.grids[-1] // codes.shape[1]
        vectors = self.quantize.embedding(codes).permute(0, 3, 1, 2)
        return vectors.repeat_interleave(repeats, 2).repeat_interleave(repeats, 3)

    def decode(self, vectors: Tensor) -> Tensor:
        """Code vectors [N,E,G,G] -> images, about in [-1, 1]."""
        p = self.patch
        x = self.decoder(self.post_quant_conv(vectors)).unflatten(1, (p, p, -1))  # [N,p,p,C,S/p,S/p]
        return x.permute(0, 3, 4, 1, 5, 2).flatten(4, 5).flatten(2, 3)

    def decode_codes(self, codes: Tensor) -> Tensor:
        """Codes, int [N,n] -> images, clipped to [-1, 1]."""
        parts = codes.split([side**2 for side in self.grids], 1)
        vectors = [self.spread(part.unflatten(1, (side, side))) for part, side in zip(parts, self.grids)]
        return self.decode(torch.stack(vectors).sum(0)).clamp(-1, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Images -> the same after a trip through the codes."""
        return self.decode_codes(self.codes(images))


# --- words -----------------------------------------------------------------------------------------------------------

SENTENCEPIECE_FILE, WORDPIECE_FILE = "text_tokenizer.model", "vocab.txt"


class SentencePiece:
    """Text <-> ids by a SentencePiece model."""

    def __init__(self, file: str | os.PathLike, special: Sequence[int]):
        try:
            import sentencepiece
        except ImportError as error:
            raise ImportError("this model's words need sentencepiece: pip install sentencepiece") from error
        self.data, self.special = pathlib.Path(file).read_bytes(), special
        self._processor = sentencepiece.SentencePieceProcessor(model_proto=self.data)

    def encode(self, text: str) -> list[int]:
        """Ids of a text, no special ones but [UNK] among them."""
        return self._processor.EncodeAsIds(text)

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids; special ones are dropped."""
        return self._processor.DecodeIds([i for i in ids if i not in self.special])

    def save(self, folder: str | os.PathLike) -> None:
        """Writes the model file into a folder."""
        pathlib.Path(folder, SENTENCEPIECE_FILE).write_bytes(self.data)


class WordPiece:
    """Text <-> ids by BERT's uncased tokenizer over a vocabulary file."""

    def __init__(self, file: str | os.PathLike, special: Sequence[int]):
        try:
            import tokenizers
            from tokenizers import decoders, models, normalizers, pre_tokenizers
        except ImportError as error:
            raise ImportError("this model's words need tokenizers: pip install tokenizers") from error
        self.data, self.special = pathlib.Path(file).read_bytes(), special
        mark = self.data[:2]  # of UTF-16, as an editor may have saved it
        text = self.data.decode("utf-16" if mark in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
        lines = text.removesuffix("\n").split("\n")
        self._pieces, self._decoder = [line.rstrip("\r") for line in lines], decoders.WordPiece(cleanup=True)
        ids = {piece: i for i, piece in enumerate(self._pieces)}
        model = models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=200)
        self._tokenizer = tokenizers.Tokenizer(model)
        self._tokenizer.normalizer = normalizers.BertNormalizer(strip_accents=True, lowercase=True)
        self._tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()

    def encode(self, text: str) -> list[int]:
        """Ids of a text, no special ones but [UNK] among them."""
        return self._tokenizer.encode(text).ids

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids; special ones are dropped, "34 - year - old" gives "34-year-old"."""
        text = self._decoder.decode([self._pieces[i] for i in ids if i not in self.special])
        return re.sub(r"(?<=\w) - (?=\w)", "-", text)

    def save(self, folder: str | os.PathLike) -> None:
        """Writes the vocabulary file into a folder."""
        pathlib.Path(folder, WORDPIECE_FILE).write_bytes(self.data)


def words(file: str | os.PathLike, vocab: Mapping[str, int]) -> SentencePiece | WordPiece:
    """The tokenizer in a file, whose name tells its kind; `vocab` holds the special ids."""
    kind = WordPiece if pathlib.Path(file).name == WORDPIECE_FILE else SentencePiece
    return kind(file, [vocab[name] for name in ("pad", "unk", "cls", "sep")])


def squeeze(text: str) -> str:
    """Lower case, single spaces."""
    return " ".join(text.lower().split())


def candidates(attribute: Mapping[str, Any]) -> list[str]:
    """Every value of an attribute: its `values`, or the numbers from `low` to `high`."""
    return attribute.get("values") or [str(n) for n in range(attribute["low"], attribute["high"] + 1)]


def labels(attribute: Mapping[str, Any]) -> list[str]:
    """Everything that may be known of a face: `candidates`, then the ranges of numbers, such as "20-29" and "70+"."""
    return [*candidates(attribute), *attribute.get("ranges", [])]


def answers(attribute: Mapping[str, Any]) -> list[str]:
    """The text that stands for each label: a yes-or-no attribute answers with its own name, "hat" or "not hat"."""
    values, name = labels(attribute), attribute["name"]
    return [f"not {name}", name] if values == ["no", "yes"] else values


def spread(attribute: Mapping[str, Any], probabilities: Sequence[float]) -> dict[str, float]:
    """Probabilities of `labels` -> of `candidates`; those of a range in equal parts."""
    numbers = candidates(attribute)
    shares = dict(zip(numbers, probabilities))
    for text, share in zip(attribute.get("ranges", []), probabilities[len(numbers) :]):
        low, _, high = text.removesuffix("+").partition("-")
        inside = [n for n in numbers if int(low) <= int(n) <= int(high or n)]
        shares.update({n: shares[n] + share / len(inside) for n in inside})
    return shares


def question(name: str) -> str:
    """The words before an answer."""
    return f"{name} :"


def image_text(text: str, attributes: Mapping[str, str]) -> str:
    """The words of a prompt: the text, then the attributes, such as "gender : male , not hat , age : 34"."""
    flags = {"yes": "", "no": "not "}
    parts = [f"{flags[v]}{name}" if v in flags else f"{question(name)} {v}" for name, v in attributes.items()]
    return " ".join(part for part in (" ".join(text.split()), " , ".join(parts)) if part)


def sentence_case(text: str) -> str:
    """A capital letter at the start of each sentence."""
    return re.sub(r"(^|[.!?] +)([a-z])", lambda m: m.group(1) + m.group(2).upper(), text)


# --- pictures --------------------------------------------------------------------------------------------------------

RESIZES, RANGES = ("crop", "squash", "landmarks"), ("correct", "paper_double", "clip_double")
FILTERS = {kernel.name.lower(): kernel for kernel in Image.Resampling if kernel is not Image.Resampling.NEAREST}
KERNELS = ("auto", "dct", *FILTERS)
# Of ArcFace (InsightFace's `arcface_dst`), in a square of 112: left eye, right eye, nose, corners of the mouth.
TEMPLATE = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


TURNS = {  # EXIF's orientation -> what puts the picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
MAKER = "t2f_jax"  # begins the "Software" in the metadata of a face that a model drew


def upright(image: Image.Image) -> Image.Image:
    """The picture, turned as its EXIF orientation says; metadata that cannot be read turns nothing."""
    image.load()  # first: Pillow turns a TIFF itself here, and removes the tag
    return turned(image, turn_of(image))


def turn_of(image: Image.Image) -> Image.Transpose | None:
    """What puts the picture upright; None if it is."""
    try:
        return TURNS.get(image.getexif().get(0x0112, 1))
    except Exception:  # broken EXIF: Pillow raises whatever it meets there, and every version others
        return None


def turned(image: Image.Image, turn: Image.Transpose | None) -> Image.Image:
    """The picture after a turn, if there is one."""
    return image if turn is None else image.transpose(turn)


def to_rgb(image: Image.Image) -> Image.Image:
    """Any picture as RGB: grays of more than 8 bits are scaled (see `to_bytes`), transparent pixels become white."""
    if image.mode.startswith(("I", "F")):
        image = Image.fromarray(to_bytes(np.asarray(image)))
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return image.convert("RGB")


def to_bytes(gray: np.ndarray) -> np.ndarray:
    """Grays of integers of 16 or 32 bits, or of float32, as uint8; the values tell their own range.

    Floats within 0..1 are multiplied by 255; numbers within 0..255 stay; whole numbers within 0..65535 are divided by
    257. All are rounded. ValueError for any other values, NaN among them.
    """
    low, high = float(gray.min()), float(gray.max())
    whole = gray.dtype.kind != "f"
    if not 0 <= low <= high <= (65535 if whole else 255):
        known = "0..255 or 0..65535" if whole else "0..1 or 0..255"
        raise ValueError(f"grays from {low:g} to {high:g} have an unknown range; store them within {known}")
    scale = (1 if high <= 255 else 1 / 257) if whole else (255 if high <= 1 else 1)
    return np.round(gray.astype(np.float64) * scale).astype(np.uint8)


def each(pictures: Any) -> list[Any]:
    """One or many pictures, an array or an iterator of many among them -> each."""
    if is_array(pictures):
        pictures = pixels_of(pictures, "pictures")
        return list(pictures) if pictures.ndim == 4 or (pictures.dtype.kind in "OU" and pictures.ndim) else [pictures]
    alone = (str, os.PathLike, Image.Image, bytes, bytearray, Mapping)
    one = isinstance(pictures, alone) or hasattr(pictures, "read")
    return [pictures] if one or not isinstance(pictures, Iterable) else list(pictures)


def is_array(picture: Any) -> bool:
    """Does numpy take it for an array (a numpy, JAX or torch one)?"""
    return hasattr(picture, "__array__") and hasattr(picture, "shape") and not isinstance(picture, str)


class UnreadablePicture(OSError, ValueError):
    """A file that is missing or is no whole image, or a picture whose values have an unknown range."""


def name_of(picture: Any, place: int) -> str:
    """What an error calls a picture: its path or, if it has none, its place among all, from 1."""
    if isinstance(picture, (str, os.PathLike)):
        return str(picture)
    named = getattr(picture, "filename", None) or getattr(picture, "name", None)
    return named if isinstance(named, str) else f"picture {place}"


def pixels_of(picture: Any, name: str) -> np.ndarray:
    """What numpy, torch or JAX hold, as numpy's array."""
    try:
        return np.asarray(picture.detach().cpu() if isinstance(picture, Tensor) else picture)
    except Exception as error:  # of another library's own kind, such as torch's for a tensor with a gradient
        raise TypeError(f"{name}: {type(picture).__name__} cannot be read as an array ({error})") from error


class Opened(NamedTuple):
    """A picture as RGB, its width and height (its last pixels may be parts of one), and how it is yet to be turned."""

    image: Image.Image
    sides: tuple[float, float]
    turn: Image.Transpose | None = None


def opened(picture: Any, name: str, least: int = 0) -> Opened:
    """An image or a file's. With `least` a JPEG's decoder scales it by 2, 4 or 8, to no side below that.

    UnreadablePicture, whatever Pillow raises where a file is broken.
    """
    try:
        if isinstance(picture, Image.Image):
            image = to_rgb(upright(picture))
            return Opened(image, image.size)
        with Image.open(picture) as file:
            whole, drafted = file.size, file.draft(None, (least, least)) if least else None
            if drafted and file.size != whole:
                return Opened(to_rgb(file), drafted[1][2:], turn_of(file))
            image = to_rgb(upright(file))
            return Opened(image, image.size)
    except FileNotFoundError:
        reason = "no such image file"
    except IsADirectoryError:
        reason = "this is a folder; give an image file"
    except Exception as error:  # Pillow raises far more than OSError for what is broken: all are the picture's fault
        unknown = isinstance(error, UnidentifiedImageError)  # whose own words name the file once more
        why = "of no kind that is read here" if unknown else " ".join(str(error).split())
        reason = f"not a readable image ({why}); give a whole JPEG, PNG or WebP"
    raise UnreadablePicture(f"{name}: {reason}")


def fit(
    picture: Picture,
    size: int,
    crop: float = 1.0,
    resize: str = "crop",
    filter: str = "auto",
    landmarks: np.ndarray | None = None,
    name: str = "picture",
) -> np.ndarray:
    """A picture -> uint8 [size, size, 3].

    With "crop" a centred square of `crop` times the shorter side, bicubic; with "squash" all of it, bilinear, whatever
    the sides' ratio, as the original does. With "landmarks" see `align`; a picture without them is cropped. All with
    antialiasing, by another filter if that is named; "dct" has the decoder of a JPEG that is at least twice as large as
    is needed scale it by 2, 4 or 8 first. A face that a model drew is not cropped. ValueError for arrays that are no
    uint8 images, UnreadablePicture for files that are none, TypeError for what is no picture; `name` is what they call
    it.
    """
    if is_array(picture):
        picture = pixels_of(picture, name)
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[-1] != 3 or not picture.size:
            raise ValueError(
                f"{name}: an image array must be uint8 [height, width, 3], got {picture.dtype} {picture.shape}"
            )
        if picture.shape[:2] == (size, size) and landmarks is None and (resize != "crop" or crop == 1.0):
            return picture
        picture = Image.fromarray(picture)
    if not isinstance(picture, (str, os.PathLike, Image.Image)) and not hasattr(picture, "read"):
        kinds = "a path, an opened file, a PIL image or a uint8 array [height, width, 3]"
        raise TypeError(f"{name}: a picture is {kinds}, got {type(picture).__name__}")
    aligned = resize == "landmarks" and landmarks is not None
    least = 0 if filter != "dct" or aligned else math.ceil(size / (1.0 if resize == "squash" else crop))
    image, (width, height), turn = opened(picture, name, least)
    if 0 in image.size:
        raise UnreadablePicture(f"{name}: an empty picture, {image.width} x {image.height} pixels; give one with some")
    if str(image.info.get("Software", "")).startswith(MAKER):
        crop, resize, filter, aligned = 1.0, "crop", "auto", False  # generated: a model draws what is inside the crop
    resample = FILTERS.get(filter, Image.Resampling.BILINEAR if resize == "squash" else Image.Resampling.BICUBIC)
    if aligned and landmarks is not None:
        return align(image, size, crop, resample, landmarks, name)
    box, gap = (0, 0, width, height), None
    if resize != "squash":
        side = min(width, height) * crop
        left, top = (width - side) / 2, (height - side) / 2
        box, gap = (left, top, left + side, top + side), 3.0 if filter in ("auto", "dct") else None
    return np.asarray(turned(image.resize((size, size), resample, box=box, reducing_gap=gap), turn), np.uint8)


def align(
    image: Image.Image, size: int, crop: float, resample: Image.Resampling, landmarks: np.ndarray, name: str
) -> np.ndarray:
    """Eyes, nose and corners of the mouth onto the places of `TEMPLATE`, by the similarity of least squares.

    `landmarks` are float [5, 2]: x and y in pixels of the upright picture. The square is 1.5 times ArcFace's, times
    `crop`; what lies outside the picture is black.
    """
    z, w = np.asarray(landmarks, np.float64) @ (1, 1j), np.array(TEMPLATE) @ (1, 1j)
    centred, side = z - z.mean(), 112 * 1.5 * crop
    spread = float(np.sum(np.abs(centred) ** 2))
    turn = complex(np.sum(np.conj(centred) * (w - w.mean())) / spread) if 0 < spread < math.inf else 0j
    if not turn or side / abs(turn) > 4 * max(image.size):
        raise ValueError(f"{name}: landmarks {np.asarray(landmarks).tolist()} are those of no face in this picture")
    drawn = size * max(1, math.ceil(side / abs(turn) / size))
    half, shift = 0.5 * (1 + 1j), complex(w.mean() - turn * z.mean())
    a, b = side / drawn / turn, ((112 - side) * half - half - shift) / turn + half
    how = resample if resample is Image.Resampling.BILINEAR else Image.Resampling.BICUBIC
    numbers = (a.real, -a.imag, b.real, a.imag, a.real, b.imag)
    square = image.transform((drawn, drawn), Image.Transform.AFFINE, numbers, how)
    return np.asarray(square.resize((size, size), resample), np.uint8)


def to_range(pixels: Tensor, name: str) -> Tensor:
    """Pixels 0..255, float [..., 3] -> what the image tokenizer was trained on.

    "correct" is -1..1; "paper_double" applies 2x - 1 twice, "clip_double" after CLIP's mean and standard deviation, as
    the released code of Talk2Face does here and there.
    """
    if name == "clip_double":
        mean, std = pixels.new_tensor(CLIP_MEAN), pixels.new_tensor(CLIP_STD)
        return (pixels / 255 - mean) / std * 2 - 1
    unit = pixels / 127.5 - 1
    return 2 * unit - 1 if name == "paper_double" else unit


# --- sampling and scoring --------------------------------------------------------------------------------------------


SAMPLER_NUMBERS = {  # which values a sampler's numbers may have
    "temperature": (lambda x: x >= 0, "from 0 on"),
    "top_p": (lambda x: 0 < x <= 1, "above 0 and at most 1"),
    "guidance": (lambda x: x >= 0, "from 0 on"),
    "min_p": (lambda x: 0 <= x <= 1, "from 0 to 1"),
    "number_guidance": (lambda x: x >= 0, "from 0 on"),
    "final_temperature": (lambda x: x >= 0, "from 0 on"),
}


@dataclasses.dataclass(frozen=True)
class Sampler:
    """How the next id is drawn from its logits.

    Attributes:
      temperature: logits are divided by it; 0 takes the likeliest id.
      top_k: keep the k likeliest ids (and ties with the k-th); 0 keeps all.
      top_p: then keep the likeliest ids until their probabilities sum to p; 1 keeps all.
      guidance: classifier-free guidance, before all that: the logits are those without words, plus this many times what
        the words change. 1 is off; each face costs twice otherwise.
      min_p: then keep ids at least this many times as likely as the likeliest.
      number_guidance: if above 0 and `guidance` is not 1, this many times what each number among the attributes, such
        as the age, changes when it is asked for alone is added, too, unless it is all that is asked for.
      final_temperature: where given, the temperature goes in a straight line from `temperature` to this.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    guidance: float = 1.0
    min_p: float = 0.0
    number_guidance: float = 0.0
    final_temperature: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "top_k", whole_number("top_k", self.top_k, 0))
        for name, (fits, right) in SAMPLER_NUMBERS.items():
            value = getattr(self, name)
            if name != "final_temperature" or value is not None:
                object.__setattr__(self, name, number(name, value, fits, right))

    @classmethod
    def of(cls, **fields: Any) -> "Sampler":
        """A sampler of these fields. TypeError for one that there is not; the nearest is named."""
        known = [field.name for field in dataclasses.fields(cls)]
        for name in fields:
            if name not in known:
                near = difflib.get_close_matches(name, known, 1) or known
                raise TypeError(f"unknown option '{name}'; a sampler has {', '.join(near)}")
        return cls(**fields)

    def __call__(self, logits: Tensor, generators: Sequence[torch.Generator], progress: float = 0.0) -> Tensor:
        """Logits [B,V] (-inf: never) and a row's own source of chance each -> int64 [B] places in the row.

        `progress` goes from 0 at a span's first id to 1 at its last.
        """
        last = self.temperature if self.final_temperature is None else self.final_temperature
        temperature = self.temperature + (last - self.temperature) * progress
        if temperature <= 0:
            return logits.argmax(-1)
        logits = logits / temperature
        size = logits.shape[-1]
        k = min(self.top_k, size) or size
        if k < size or self.top_p < 1:
            best = logits.topk(k).values
            if self.top_p < 1:
                probs = best.softmax(-1)
                before = probs.cumsum(-1) - probs  # the id that crosses p is kept
                best = best.masked_fill(before >= self.top_p, math.inf)
            logits = logits.masked_fill(logits < best.amin(-1, keepdim=True), -math.inf)
        if self.min_p > 0:
            least = logits.amax(-1, keepdim=True) + math.log(self.min_p)
            logits = logits.masked_fill(logits < least, -math.inf)
        noise = torch.stack([torch.empty(size).exponential_(generator=g) for g in generators])
        return (logits - noise.to(logits.device).log()).argmax(-1)


class Tree:
    """A trie of ids behind a prefix: every node sees the prefix and what stands above it."""

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self.above: list[list[int]] = []  # of each node: the path down to it, itself included
        self._nodes: dict[tuple[int, int], int] = {}

    def walk(self, node: int, ids: Sequence[int]) -> list[int]:
        """Follows ids down from a node (-1: the root), growing what is missing; the nodes of the way."""
        way = []
        for token in ids:
            if (node, token) not in self._nodes:
                self._nodes[node, token] = len(self.tokens)
                self.above.append([*(self.above[node] if node >= 0 else []), len(self.tokens)])
                self.tokens.append(token)
            node = self._nodes[node, token]
            way.append(node)
        return way

    def seen(self) -> Tensor:
        """bool [nodes, nodes]: row: node, column: itself or one above it."""
        seen = torch.zeros(len(self.tokens), len(self.tokens), dtype=torch.bool)
        for node, path in enumerate(self.above):
            seen[node, path] = True
        return seen


# --- the model -------------------------------------------------------------------------------------------------------


class ImageTokenizer(nn.Module):
    """Pictures to codes and back: the part `vqgan`. `config` holds what config.json does."""

    config: Any

    def __init__(self, config: Any):
        """Makes the parts, their weights not yet loaded: see `load`."""
        super().__init__()
        self.config = config
        self._build()

    def _build(self) -> None:
        for key, value in self.config.preprocess.items():
            if key != "crop" and value not in {"resize": RESIZES, "range": RANGES, "filter": KERNELS}.get(key, ()):
                raise ValueError(f"config.json: preprocess.{key}={value!r} is not known to this version of the model")
        self.vqgan = VQGAN(SimpleNamespace(**self.config.vqgan))

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    @property
    def image_size(self) -> int:
        """Side of the images it takes and makes, in pixels."""
        return self.config.vqgan["resolution"]

    def forward(self, images: Tensor) -> Tensor:
        """Images in [-1, 1], float [B,3,S,S] -> their reconstructions, of the same shape."""
        return self.vqgan(images)

    def images(
        self, pictures: Picture | Iterable[Picture], landmarks: Sequence[np.ndarray | None] | None = None
    ) -> np.ndarray:
        """Paths, opened files, PIL images or uint8 arrays -> uint8 [N,S,S,3], cropped and resized as in training.

        `landmarks` of each picture (see `align`) count where the model was trained on aligned faces.
        """
        how = {key: value for key, value in self.config.preprocess.items() if key != "range"}
        named = [(picture, name_of(picture, i)) for i, picture in enumerate(each(pictures), 1)]
        known = [None] * len(named) if landmarks is None else list(landmarks)
        if len(known) != len(named):
            raise ValueError(f"{len(known)} landmarks for {len(named)} pictures; give one for each")
        rows = [fit(p, self.image_size, **how, landmarks=points, name=name) for (p, name), points in zip(named, known)]
        if not rows:
            raise ValueError("no picture is given; give one or more")
        return np.stack(rows)

    @torch.no_grad()
    def encode(self, images: np.ndarray, batch_size: int = 16) -> Tensor:
        """uint8 [N,S,S,3] -> codes, int64 [N,n]."""
        name, size = self.config.preprocess.get("range", "correct"), whole_number("batch_size", batch_size, 1)
        images = array("images", images, np.uint8, ("N", self.image_size, self.image_size, 3), "uint8")
        parts = [torch.zeros(0, self.vqgan.count, dtype=torch.int64, device=self.device)]
        for start in range(0, len(images), size):
            pixels = torch.tensor(images[start : start + size], device=self.device).float()
            parts.append(self.vqgan.codes(to_range(pixels, name).permute(0, 3, 1, 2)))
        return torch.cat(parts)

    @torch.no_grad()
    def decode(self, codes: Tensor | np.ndarray, batch_size: int = 16) -> np.ndarray:
        """Codes, int [N,n] -> uint8 [N,S,S,3]."""
        size = whole_number("batch_size", batch_size, 1)
        values = array("codes", codes, np.integer, ("N", self.vqgan.count), "an array of whole numbers")
        count = self.config.vqgan["n_embed"]
        if values.size and not 0 <= values.min() <= values.max() < count:
            raise ValueError(f"codes must lie in 0..{count - 1}, got {values.min()}..{values.max()}")
        rows = torch.tensor(values.astype(np.int64), device=self.device)
        parts = [self.vqgan.decode_codes(part).float() for part in rows.split(size)]
        pixels = ((torch.cat(parts) + 1) * 127.5).round().to(torch.uint8)
        return pixels.permute(0, 2, 3, 1).contiguous().cpu().numpy()


class Talk2Face(ImageTokenizer):
    """Words to faces, faces to words, faces to attributes.

    `config` holds what config.json does. The parts: `transformer`, `vqgan`, and `tokenizer` (text <-> ids).
    """

    tokenizer: SentencePiece | WordPiece

    def _build(self) -> None:
        super()._build()
        vocab = self.config.vocab
        self.transformer = Transformer(
            SimpleNamespace(**self.config.transformer), vocab["text_size"] + vocab["image_size"]
        )

    def forward(self, tokens: Tensor, segments: Tensor, positions: Tensor) -> Tensor:
        """Logits of the next id at every place.

        Args:
          tokens: int [B,L], joint ids: text first, image code k at `text_size` + k.
          segments: int [B,L]: 0 pad, 1 prefix, 2 and more: a branch behind the prefix that sees no other branch.
          positions: int [B,L]; each branch's begin where the prefix's end. With `image_position` in the config, those
            of an image's first code and of what follows it begin there.

        Returns:
          float32 [B,L,V].
        """
        seen = visible(segments, self.config.transformer["mask"])
        return self.transformer.logits(self.transformer(tokens, segments, positions, seen))

    # --- the three tasks

    def generate_images(
        self,
        text: str | Sequence[str] = "",
        attributes: Mapping[str, str | int] | None = None,
        seeds: Sequence[int] = (0,),
        batch_size: int = 32,
        **sampling: Any,
    ) -> np.ndarray:
        """Faces for words.

        Args:
          text: one description for all faces, or one for each seed.
          attributes: what the faces should show besides, such as `{"gender": "female", "age": 34}`.
          seeds: one face is made for each; the same seed and words give the same face whatever is made beside it.
          batch_size: most faces made at once.
          sampling: `temperature`, `top_k`, `top_p`, `guidance` (see `Sampler`); config.json's own if not given.

        Returns:
          uint8 [len(seeds),S,S,3].

        Raises:
          ValueError: an attribute or value that the model does not know, nothing that says what to draw, as many texts
            as neither 1 nor the seeds, a number out of its range, or guidance of a model that was not trained for it.
          TypeError: an argument of another type, or one that there is not.
        """
        return self.decode(self.generate_codes(text, attributes, seeds, batch_size, **sampling))

    def generate_codes(
        self,
        text: str | Sequence[str] = "",
        attributes: Mapping[str, str | int] | None = None,
        seeds: Sequence[int] = (0,),
        batch_size: int = 32,
        **sampling: Any,
    ) -> Tensor:
        """As `generate_images`, but the faces' codes, int64 [len(seeds),n]."""
        sampler, size = Sampler.of(**{**self.config.sampler, **sampling}), whole_number("batch_size", batch_size, 1)
        if sampler.guidance != 1 and not self.config.guidable:
            raise ValueError(f"guidance={sampler.guidance}, but the model has met no prompts without words: use 1")
        seeds = checked_seeds(seeds)
        if not seeds:
            raise ValueError("no seed is given; give one for each face")
        texts = [text] * len(seeds) if isinstance(text, str) else items("text", text, "a str or a list of str")
        texts = [checked_text("text", one) for one in texts]
        if len(texts) != len(seeds):
            raise ValueError(f"{len(texts)} texts for {len(seeds)} seeds; give one text, or one for each seed")
        wanted = self._checked({} if attributes is None else attributes)
        prompts = [image_text(t, wanted) for t in texts]
        if not all(prompts):
            raise ValueError("the prompt is empty; give a text, attributes, or both")
        prefixes, others = [self._text_prefix(p) for p in prompts], [self._others(t, wanted, sampler) for t in texts]
        count = self.vqgan.count
        rows = []
        for i in range(0, len(prefixes), size):
            part = slice(i, i + size)
            rows.append(self._continue(prefixes[part], "image", count, sampler, seeds[part], others[part]))
        return torch.cat(rows) - self.config.vocab["text_size"]

    def caption(
        self,
        pictures: Picture | Iterable[Picture],
        seeds: Sequence[int] | None = None,
        length: int = 64,
        batch_size: int = 32,
        **sampling: Any,
    ) -> list[str]:
        """A sentence or more for each face.

        Args:
          pictures: paths, opened files, PIL images or uint8 arrays.
          seeds: one for each face, if the words are drawn by chance.
          length: most ids of a caption.
          batch_size: most faces described at once.
          sampling: `temperature` (0, the likeliest words, if not given), `top_k`, `top_p` (see `Sampler`).
        """
        sampler, size = Sampler.of(**{"temperature": 0.0, **sampling}), whole_number("batch_size", batch_size, 1)
        length, seeds = whole_number("length", length, 1), None if seeds is None else checked_seeds(seeds)
        prefixes = self._image_prefixes("to caption", self.encode(self.images(pictures)))
        seeds = [0] * len(prefixes) if seeds is None else seeds
        if len(seeds) != len(prefixes):
            raise ValueError(f"{len(seeds)} seeds for {len(prefixes)} faces; give one for each face")
        c = self.config.transformer
        length = min(length, c["max_length"] - c["image_position"] - len(prefixes[0]))
        rows = []
        for i in range(0, len(prefixes), size):
            part = slice(i, i + size)
            rows += self._continue(prefixes[part], "text", length, sampler, seeds[part]).tolist()
        return [sentence_case(self.tokenizer.decode(row)) for row in rows]

    @torch.no_grad()
    def analyze(
        self,
        pictures: Picture | Iterable[Picture],
        attributes: str | Sequence[str] | None = None,
        batch_size: int = 16,
    ) -> list[dict[str, dict[str, float]]]:
        """Exact probabilities of every answer, in one pass over a tree of all questions and answers.

        At each place of an answer the model chooses among the ids with which some answer goes on. Where config.json
        says `mirror`, the mirrored face is read, too, and the mean of both taken.

        Args:
          pictures: paths, opened files, PIL images or uint8 arrays.
          attributes: what to ask, by name, one or several; all that the model knows if none is given.
          batch_size: most faces measured at once.

        Returns:
          For each face `{attribute: {value: probability}}`, each attribute's summing to 1.
        """
        size, names = whole_number("batch_size", batch_size, 1), [a["name"] for a in self.config.attributes]
        if attributes is not None:
            given = [attributes] if isinstance(attributes, str) else attributes
            names = items("attributes", given, "a name, or a list of names") or names
        asked = [self._attribute(name) for name in names]
        sep, tree = self.config.vocab["sep"], Tree()
        choices: list[tuple[int, list[int], int, int]] = []  # node, ids it chooses among, the one taken, candidate
        count = 0  # candidates so far
        for attribute in asked:
            last = tree.walk(-1, self.tokenizer.encode(question(attribute["name"])))[-1]
            paths = [[*self.tokenizer.encode(text), sep] for text in answers(attribute)]
            for path in paths:
                for i, token in enumerate(path):
                    options = sorted({other[i] for other in paths if other[:i] == path[:i]})
                    if len(options) > 1:
                        choices.append(([last, *tree.walk(last, path[:i])][-1], options, token, count))
                count += 1
        pixels = self.images(pictures)
        probs: list[list[Tensor]] = []  # of each face and attribute
        views = [pixels, np.ascontiguousarray(pixels[:, :, ::-1])] if self.config.mirror else [pixels]
        for view in views:
            prefixes = self._image_prefixes("to attributes", self.encode(view))
            for i in range(0, len(prefixes), size):
                log_probs = self._read_tree(prefixes[i : i + size], tree).double()
                scores = log_probs.new_zeros(len(log_probs), count)
                for node, options, token, candidate in choices:
                    scores[:, candidate] += log_probs[:, node, token] - log_probs[:, node, options].logsumexp(-1)
                probs += [[p.softmax(0) for p in line.split([len(labels(a)) for a in asked])] for line in scores]
        faces = [[torch.stack(same).mean(0) for same in zip(*probs[i :: len(pixels)])] for i in range(len(pixels))]
        return [{a["name"]: spread(a, p.tolist()) for a, p in zip(asked, face)} for face in faces]

    # --- how it is done

    def _tensor(self, values: Any) -> Tensor:
        return torch.tensor(values, device=self.device)

    def _attribute(self, name: str) -> dict[str, Any]:
        known = {a["name"]: a for a in self.config.attributes}
        name = squeeze(checked_text("attribute", name).replace("_", " "))
        if name not in known:
            near = difflib.get_close_matches(name, known, 1, 0.3)
            hint = f"the nearest is '{near[0]}'" if near else f"this model knows {', '.join(known) or 'none'}"
            raise ValueError(f"unknown attribute '{name}'; {hint}")
        return known[name]

    def _checked(self, attributes: Mapping[str, str | int]) -> dict[str, str]:
        if not isinstance(attributes, Mapping):
            raise wrong("attributes", attributes, 'a mapping such as {"age": 30}')
        checked = {}
        for name, value in attributes.items():
            attribute = self._attribute(name)
            if isinstance(value, bool) and sorted(attribute.get("values", ())) == ["no", "yes"]:
                value = "yes" if value else "no"
            text = squeeze(str(value))
            text = dict(zip(answers(attribute), labels(attribute))).get(text, text)
            text = str(int(text)) if "low" in attribute and re.fullmatch("[0-9]{1,9}", text) else text
            if text not in labels(attribute):
                raise ValueError(f"{attribute['name']} cannot be '{value}', but {', '.join(labels(attribute))}")
            if attribute["name"] in checked:
                raise ValueError(f"attribute '{attribute['name']}' is given twice, the second time as '{name}'")
            checked[attribute["name"]] = text
        return checked

    def _text_prefix(self, text: str) -> list[int]:
        """[CLS] to image [SEP] TEXT [SEP], cut to the model's `text_length`."""
        cls, sep, encode = self.config.vocab["cls"], self.config.vocab["sep"], self.tokenizer.encode
        return [cls, *encode("to image"), sep, *encode(text), sep][: self.config.text_length]

    def _others(self, text: str, wanted: Mapping[str, str], sampler: Sampler) -> list[tuple[list[int], float]]:
        """What guidance compares a face's prompt with: prefixes and the weights of their logits.

        One for each number in `wanted`, of weight 0 if the prompt has nothing else, and the one with no words. What is
        left of 1 is the prompt's own weight.
        """
        if sampler.guidance == 1:
            return []
        weight = sampler.number_guidance if text.strip() or len(wanted) > 1 else 0.0
        numbers = [a["name"] for a in self.config.attributes if "low" in a and a["name"] in wanted]
        numbers = numbers if sampler.number_guidance else []
        clauses = [(self._text_prefix(image_text("", {name: wanted[name]})), weight) for name in numbers]
        return [*clauses, (self._text_prefix(""), 1 - sampler.guidance - weight * len(clauses))]

    def _image_prefixes(self, prompt: str, codes: Tensor) -> list[list[int]]:
        """[CLS] PROMPT [SEP] IMG [SEP] for codes [N,n]."""
        vocab = self.config.vocab
        head = [vocab["cls"], *self.tokenizer.encode(prompt), vocab["sep"]]
        return [[*head, *image, vocab["sep"]] for image in (codes + vocab["text_size"]).tolist()]

    def _check_length(self, longest: int) -> None:
        c = self.config.transformer
        most = c["max_length"] - c["image_position"]
        if c["positions"] == "learned" and longest > most:
            raise ValueError(f"a row of {longest} ids exceeds the model's {most} positions; shorten the text")

    def _prefill(self, prefixes: Sequence[Sequence[int]], slots: int) -> tuple[Tensor, Cache, Tensor, Tensor]:
        """Reads prefixes into a cache with room for `slots` ids more.

        Returns:
          What stands behind each prefix's last id [B,M], the cache, bool [B,P]: the cache's slots that hold a prefix,
          and the position of what comes next, int64 [B].
        """
        c, vocab = self.config.transformer, self.config.vocab
        lengths = self._tensor([len(p) for p in prefixes])
        size = int(lengths.max())
        tokens = self._tensor([[*p, *[vocab["pad"]] * (size - len(p))] for p in prefixes])
        place = torch.arange(size, device=self.device)
        held = place < lengths[:, None]
        seen = held[:, None].expand(-1, size, -1)
        if c["mask"] == "causal":
            seen = seen & (place <= place[:, None])
        positions, following = place.expand(len(prefixes), -1), lengths
        if c["image_position"]:
            is_code = held & (tokens >= vocab["text_size"])
            first = torch.where(is_code.any(1), is_code.int().argmax(1), lengths)  # place of the image
            jump = c["image_position"] - first
            positions = positions + (place >= first[:, None]) * jump[:, None]
            following = lengths + jump
        like = self.transformer.embed.word.weight
        cache = Cache(self.transformer.settings, len(prefixes), size + slots, like)
        hidden = self.transformer(tokens, held.long(), positions * held, seen, cache)
        return hidden[torch.arange(len(prefixes)), lengths - 1], cache, held, following

    def _span(self, hidden: Tensor, kind: str) -> Tensor:
        """Logits of the ids that an image or a text may hold: -inf for a text's special ids, but [SEP]."""
        vocab = self.config.vocab
        if kind == "image":
            return self.transformer.logits(hidden, vocab["text_size"], vocab["image_size"])
        logits = self.transformer.logits(hidden, 0, vocab["text_size"])
        logits[..., [vocab["pad"], vocab["unk"], vocab["cls"]]] = -math.inf
        return logits

    @torch.no_grad()
    def _continue(
        self,
        prefixes: Sequence[Sequence[int]],
        kind: str,
        length: int,
        sampler: Sampler,
        seeds: Sequence[int],
        others: Sequence[Sequence[tuple[Sequence[int], float]]] = (),
    ) -> Tensor:
        """Ids behind each prefix, int64 [B,up to `length`]: an image's, or a text's with [PAD] from its [SEP] on.

        `others` are further prefixes and the weights of their logits, see `_others`: as many for each of `prefixes`.
        """
        batch, vocab = len(prefixes), self.config.vocab
        variants = list(zip(*others))  # of each: (prefix, weight) of every row
        rows = [*prefixes, *(prefix for variant in variants for prefix, _ in variant)]
        weights = torch.tensor([[weight for _, weight in variant] for variant in variants]).reshape(-1, batch, 1)
        weights = torch.cat([1 - weights.sum(0, keepdim=True), weights]).to(self.device)
        if length < 1:
            raise ValueError(f"no room for an answer after the prompt: at most {length} ids")
        self._check_length(max(map(len, rows)) + length)
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        first = vocab["text_size"] if kind == "image" else 0
        hidden, cache, seen, position = self._prefill(rows, length)
        done = torch.zeros(batch, dtype=torch.bool, device=self.device)
        out = []
        while True:
            logits = self._span(hidden, kind)
            if variants:
                logits = (weights * logits.reshape(len(weights), batch, -1)).sum(0)
            token = first + sampler(logits, generators, len(out) / max(length - 1, 1))
            if kind == "text":
                done = done | (token == vocab["sep"])
                token = token.masked_fill(done, vocab["pad"])
            out.append(token)
            if len(out) == length or bool(done.all()):
                return torch.stack(out, 1)
            token = token.repeat(len(weights))
            seen = F.pad(seen, (0, 1), value=True)
            two = torch.full_like(token, 2)
            hidden = self.transformer(token[:, None], two[:, None], position[:, None], seen[:, None], cache)[:, 0]
            position = position + 1

    def _read_tree(self, prefixes: Sequence[Sequence[int]], tree: Tree) -> Tensor:
        """Log-probabilities of the next text id behind each node of a tree behind each prefix, [B,nodes,text_size]."""
        depth = [len(path) for path in tree.above]
        self._check_length(max(map(len, prefixes)) + max(depth))
        _, cache, held, position = self._prefill(prefixes, len(depth))
        tokens = self._tensor(tree.tokens).expand(len(prefixes), -1)
        seen = torch.cat(
            [held[:, None].expand(-1, len(depth), -1), tree.seen().to(self.device).expand(len(prefixes), -1, -1)], -1
        )
        positions = position[:, None] + self._tensor(depth) - 1
        hidden = self.transformer(tokens, torch.full_like(tokens, 2), positions, seen, cache)
        return self._span(hidden, "text").log_softmax(-1)


INDEX = "model.safetensors.index.json"  # says in which file a tensor lies, where a model is saved in parts


def load(folder: str | os.PathLike) -> Any:
    """The model in a folder (config.json, model.safetensors or its parts, its tokenizer's file), without transformers.

    Returns:
      A `Talk2Face`, or the `ImageTokenizer` of a folder that holds one alone.

    Raises:
      OSError, ValueError, RuntimeError: a file is missing, or does not fit the others.
    """
    from safetensors.torch import load_file

    folder = pathlib.Path(folder)
    config = SimpleNamespace(**json.loads((folder / "config.json").read_bytes()))
    parts = ["model.safetensors"]
    if not (folder / parts[0]).exists() and (folder / INDEX).exists():
        weight_map = json.loads((folder / INDEX).read_bytes())["weight_map"]
        parts = sorted({pathlib.PurePath(part).name for part in weight_map.values()})
    for part in parts:
        if not (folder / part).is_file():
            known = f", one of {len(parts)} parts that {INDEX} names," if len(parts) > 1 else ""
            raise FileNotFoundError(f"{folder / part}{known} is missing; get it from where the folder came from")
        with (folder / part).open("rb") as file:
            if file.read(20).startswith(b"version https://git-"):
                raise ValueError(f"{folder / part}: a pointer of Git LFS; fetch the file itself with `git lfs pull`")
    weights = {name: value for part in parts for name, value in load_file(folder / part).items()}
    with torch.device("meta"):
        model = Talk2Face(config) if hasattr(config, "transformer") else ImageTokenizer(config)
    model.load_state_dict(weights, assign=True)
    if isinstance(model, Talk2Face):
        model.tokenizer = words(folder / config.tokenizer_file, config.vocab)
    return model.eval()


if PreTrainedModel is not None:

    class Talk2FaceConfig(PretrainedConfig):
        """What config.json holds; see there."""

        model_type = "talk2face"

    class Talk2FaceImageTokenizer(ImageTokenizer, PreTrainedModel):
        """`ImageTokenizer` as transformers' AutoModel loads it."""

        config_class = Talk2FaceConfig

        def __init__(self, config: Talk2FaceConfig):
            PreTrainedModel.__init__(self, config)  # pyright: ignore[reportCallIssue]
            self._build()
            self.post_init()

    class Talk2FaceModel(Talk2Face, PreTrainedModel):
        """`Talk2Face` as transformers' AutoModel loads it."""

        config_class = Talk2FaceConfig
        provenance: bytes | None = None  # provenance.json, which is saved along

        def __init__(self, config: Talk2FaceConfig):
            PreTrainedModel.__init__(self, config)  # pyright: ignore[reportCallIssue]
            self._build()
            self.post_init()

        @classmethod
        def from_pretrained(cls, pretrained_model_name_or_path: Any, *args: Any, **kwargs: Any) -> Any:
            """As in transformers; the text tokenizer comes along."""
            name = pretrained_model_name_or_path
            loaded = super().from_pretrained(name, *args, **kwargs)
            model = loaded[0] if isinstance(loaded, tuple) else loaded
            known = ("cache_dir", "force_download", "local_files_only", "token", "revision", "subfolder")
            file = cached_file(name, model.config.tokenizer_file, **{k: kwargs[k] for k in known if k in kwargs})
            model.tokenizer = words(str(file), model.config.vocab)
            there = pathlib.Path(str(file)).with_name("provenance.json")
            model.provenance = there.read_bytes() if there.is_file() else None
            return loaded

        def save_pretrained(self, save_directory: str | os.PathLike, *args: Any, **kwargs: Any) -> None:
            """As in transformers; the text tokenizer and the provenance go along."""
            super().save_pretrained(save_directory, *args, **kwargs)
            self.tokenizer.save(save_directory)
            if self.provenance is not None:
                pathlib.Path(save_directory, "provenance.json").write_bytes(self.provenance)
