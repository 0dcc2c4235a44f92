"""FLOPs of attention kernels, for which the compiler counts no cycles.

Axis legend: B rows, H heads, L length, D width of a head.
"""

import math
import re

from t2f_jax.models import attention_kernels

# Matrix products of a tile: forward; backward, whose kernel computes the gradients of queries, keys and values.
PRODUCTS = {"fwd": 2, "dkv": 5}


def kernel_flops(name: str, result: str, max_example_length: int) -> float:
    """FLOPs of one run of a splash kernel, for all tiles that it computes, including their masked positions.

    Args:
      name: of its instruction, such as "splash_mha_fwd_residuals".
      result: the type of its result; its output is [B,H,L,D] in half precision or float32, for one row [H,L,D].
      max_example_length: ids of the longest example in packed rows, see `attention_kernels.splash`; 0: that of a row.

    Raises:
      ValueError: it is not a splash kernel.
    """
    which = next((key for key in PRODUCTS if f"splash_mha_{key}" in name), None)
    shapes = [[int(d) for d in dims.split(",")] for dims in re.findall(r"\w+\[([\d,]+)\]", result)]
    whole = [s for s in shapes if len(s) == max(map(len, shapes)) >= 3]
    outputs = [s for s in whole if s[-1] != attention_kernels.LANES] or whole
    if which is None or not outputs:
        raise ValueError(f"{name} is no splash kernel: {result}")
    *batch, heads, length, width = outputs[-1]
    whole_row = length * length  # the backward kernel processes all keys of a row at once
    places = computed_places(length, max_example_length) if which == "fwd" else whole_row
    return PRODUCTS[which] * 2 * math.prod(batch) * heads * width * places


def computed_places(length: int, max_example_length: int) -> int:
    """The number of (query, key) positions in the tiles that a kernel computes."""
    block = attention_kernels.block(length)
    count = math.ceil(length / block)
    longest = max_example_length or length
    # Positions of two tiles are at least (|i - j| - 1) block + 1 apart.
    near = sum(max(abs(i - j) - 1, -1) * block + 1 <= longest for i in range(count) for j in range(count))
    return near * block * block
