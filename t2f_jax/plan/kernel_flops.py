"""FLOPs of attention kernels, for which the compiler counts no cycles.

Axis legend: B rows, H heads, L length, D width of a head.
"""

import math
import re

from t2f_jax.models import attention_kernels

PRODUCTS = {"fwd": 2, "dkv": 5}  # of a tile, forward; backward, where one kernel does queries, keys and values


def kernel_flops(name: str, result: str, max_example_length: int) -> float:
    """FLOPs of one run of a splash kernel: every tile that it computes, whether anybody sees it or not.

    Args:
      name: of its instruction, such as "splash_mha_fwd_residuals".
      result: its type: an array in half precision or float32 of shape [B,H,L,D] is the output; of one row [H,L,D].
      max_example_length: see `models.attention_kernels.splash`.

    Raises:
      ValueError: no splash kernel.
    """
    which = next((key for key in PRODUCTS if f"splash_mha_{key}" in name), None)
    shapes = [[int(d) for d in dims.split(",")] for dims in re.findall(r"\w+\[([\d,]+)\]", result)]
    whole = [s for s in shapes if len(s) == max(map(len, shapes)) >= 3]
    outputs = [s for s in whole if s[-1] != attention_kernels.LANES] or whole
    if which is None or not outputs:
        raise ValueError(f"{name} is no splash kernel: {result}")
    *batch, heads, length, width = outputs[-1]
    places = (
        tiles(length, max_example_length) if which == "fwd" else length * length
    )  # backward takes a row's keys all at once
    return PRODUCTS[which] * 2 * math.prod(batch) * heads * width * places


def tiles(length: int, max_example_length: int) -> int:
    """(query, key) places in the tiles that a kernel computes."""
    block = attention_kernels.block(length)
    count = math.ceil(length / block)
    max_example_length = max_example_length or length
    # Places of two tiles are at least (|i - j| - 1) block + 1 apart.
    near = sum(max(abs(i - j) - 1, -1) * block + 1 <= max_example_length for i in range(count) for j in range(count))
    return near * block * block
