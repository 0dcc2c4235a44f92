"""Speed of encoding and decoding one image with an image tokenizer of the paper's size, against a peer if given."""

import contextlib
import dataclasses
import functools
import statistics

import flax.traverse_util
import jax
import numpy as np

from t2f_jax.bench.peer import Peer, alternate, median_ratio
from t2f_jax.config.schema import VQGANConfig
from t2f_jax.models import image_tokenizer
from t2f_jax.models.params import abstract_vqgan, init_vqgan

F16 = VQGANConfig(  # taming-transformers' FFHQ tokenizer, as in `talk2face_base`
    resolution=256,
    ch=128,
    ch_mult=(1, 1, 2, 2, 4),
    num_res_blocks=2,
    attn_resolutions=(16,),
    z_channels=256,
    embed_dim=256,
    n_embed=1024,
)


@dataclasses.dataclass(frozen=True)
class Speed:
    """Medians over the pairs; `ratio` is the median of the pairs' ratios (how many times faster than the peer)."""

    seconds: float
    peer_seconds: float | None
    ratio: float | None
    flops: int  # of the convolutions, `conv_flops`
    pairs: tuple[tuple[float, float], ...]  # seconds of (ours, the peer's or nan)


def measure(job: str, peer: str | None, pairs: int = 5, config: VQGANConfig = F16) -> Speed:
    """Times one image, with random weights in fp32, alternately with the peer.

    Args:
      job: "encode" (uint8 pixels to codes) or "decode" (codes to uint8 pixels).
      peer: the command of a `peer.Peer` that does the same with the same structure; None: only ours.
      pairs: how often each is timed.

    Raises:
      UserError: the peer does not start or does not answer with seconds.
    """
    params = jax.jit(init_vqgan, static_argnums=0)(config, jax.random.key(0))
    tokenizer = image_tokenizer.ImageTokenizer(config, params)
    if job == "encode":
        shape = (1, config.resolution, config.resolution, config.in_channels)
        image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        ours = functools.partial(tokenizer.encode, image)
    else:
        codes = np.arange(config.tokens, dtype=np.int32)[None] % config.n_embed
        ours = functools.partial(tokenizer.decode, codes)
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(Peer(peer)) if peer else None
        times = alternate(ours, (lambda: process.seconds(job)) if process else None, pairs)
    return Speed(
        statistics.median(ours for ours, _ in times),
        statistics.median(theirs for _, theirs in times) if peer else None,
        median_ratio(times) if peer else None,
        conv_flops(config)[job],
        tuple(times),
    )


def conv_flops(config: VQGANConfig) -> dict[str, int]:
    """FLOPs of the convolutions that "encode" and "decode" one image, as the original computes them.

    Two per weight and position of a convolution's result; the positions are those of the level in its name. We compute
    fewer (`models.upsampling`); both our speed and the peer's are compared with this number.
    """
    top = len(config.ch_mult) - 1
    flops = {"encode": 0, "decode": 0}
    for path, leaf in flax.traverse_util.flatten_dict(abstract_vqgan(config)).items():
        if path[-1] != "kernel":
            continue
        level = top
        if path[1].startswith(("down_", "up_")):
            level = int(path[1].split("_")[1]) + {"downsample": 1, "upsample": -1}.get(path[2], 0)
        elif path[:2] in (("encoder", "conv_in"), ("decoder", "conv_out")):
            level = 0
        side = config.grid * 2 ** (top - level)
        job = "encode" if path[0] in ("encoder", "quant_conv") else "decode"
        flops[job] += 2 * leaf.size * side**2  # type: ignore[attr-defined]
    return flops
