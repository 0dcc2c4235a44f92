"""Dense layers of the decoder, in the layout of training or in the one that is fastest for decoding on CPUs.

Axis legend: N rows, K inputs, O outputs, G groups.

Training may round the factors of its products to bfloat16 (`rounded_product`), with float32 sums and results. CPUs with
instructions for it then multiply twice as fast; others are slower than in float32, so `auto` does not round there.

Training stores a kernel as [K,O]. Decoding reads every weight for only a few rows and is memory-bound: there a kernel
is [G,O/G,K], one group of outputs for each core, and the product is a batched dot with the weights on its left side.
Each core then reads its own contiguous half (quarter, ...) of the weights. On two cores with AVX-512, twelve layers
of 768 took 8.8 ms for one row (14.0 ms as [K,O]) and 19 ms for eight (27 ms).
"""

import functools
import math
import pathlib
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

FEW_ROWS = 64  # up to so many rows the grouped product is faster
CPU_FLAGS = pathlib.Path("/proc/cpuinfo")  # where Linux lists the CPU's features
BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}


class GroupedDense(nn.Module):
    """A dense layer with `kernel` [G,O/G,K]; the same numbers as `nn.Dense` up to the order of sums."""

    features: int
    weight_groups: int
    use_bias: bool = True
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, x_NxK: jax.Array) -> jax.Array:
        """[N,K] -> [N,O]."""
        groups = math.gcd(self.weight_groups, self.features)
        shape = (groups, self.features // groups, x_NxK.shape[-1])
        kernel = self.param("kernel", nn.initializers.zeros, shape)
        y = grouped_product(x_NxK.astype(self.dtype), kernel.astype(self.dtype))
        if self.use_bias:
            y = y + self.param("bias", nn.initializers.zeros, (self.features,)).astype(self.dtype)
        return y


def rounds(products: str) -> bool:
    """Whether training rounds factors to bfloat16 on this machine; `products` as in the config."""
    return products == "bfloat16" or (products == "auto" and jax.default_backend() == "cpu" and _multiplies_bfloat16())


@functools.cache
def _multiplies_bfloat16() -> bool:
    """Whether this machine's CPU has bfloat16 products; False if the system does not list its features."""
    try:
        return not BFLOAT16_FLAGS.isdisjoint(CPU_FLAGS.read_text().split())
    except OSError:
        return False


def dense(
    features: int, bias: bool, init_std: float, dtype: DTypeLike, weight_groups: int, products: str, name: str
) -> Callable[[jax.Array], jax.Array]:
    """The layer `name` in the layout of training (`weight_groups` 0) or of decoding; `products` as in the config."""
    if weight_groups:
        return GroupedDense(features, weight_groups, bias, dtype, name=name)
    normal = nn.initializers.normal(init_std)
    dot = _rounded_dot_general if rounds(products) and dtype == jnp.float32 else None
    return nn.Dense(features, use_bias=bias, dtype=dtype, kernel_init=normal, dot_general=dot, name=name)


@jax.custom_vjp
def rounded_product(x_NxK: jax.Array, kernel_KxO: jax.Array) -> jax.Array:
    """x @ kernel, float32 [N,O], with factors rounded to bfloat16.

    The gradient by x rounds its factors, too. That by the kernel does not: rounding would not speed up its sum over N.
    """
    return jnp.matmul(x_NxK.astype(jnp.bfloat16), kernel_KxO.astype(jnp.bfloat16), preferred_element_type=jnp.float32)


def _rounded_product_forward(x: jax.Array, kernel: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return rounded_product(x, kernel), (x, kernel)


def _rounded_product_backward(kept: tuple[jax.Array, jax.Array], pull_NxO: jax.Array) -> tuple[jax.Array, jax.Array]:
    x, kernel = kept
    rounded, factor = pull_NxO.astype(jnp.bfloat16), kernel.astype(jnp.bfloat16)
    pull_x = jnp.einsum("no,ko->nk", rounded, factor, preferred_element_type=jnp.float32)
    return pull_x, jnp.einsum("nk,no->ko", x, pull_NxO)


rounded_product.defvjp(_rounded_product_forward, _rounded_product_backward)


def _rounded_dot_general(
    x_NxK: jax.Array,
    kernel_KxO: jax.Array,
    dimension_numbers: jax.lax.DotDimensionNumbers,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
) -> jax.Array:
    """`rounded_product` as `nn.Dense` calls `jax.lax.dot_general`."""
    assert dimension_numbers == (((1,), (0,)), ((), ())), "a plain product of two matrices"
    return rounded_product(x_NxK, kernel_KxO)


def grouped_product(x_NxK: jax.Array, kernel_GxOxK: jax.Array, dtype: DTypeLike | None = None) -> jax.Array:
    """[N,K] times the transpose of [G,O/G,K], outputs in order -> [N,O]."""
    groups, _, width = kernel_GxOxK.shape
    rows = x_NxK.shape[0]
    if rows > FEW_ROWS or groups == 1:
        return jax.lax.dot_general(
            x_NxK, kernel_GxOxK.reshape(-1, width), (((1,), (1,)), ((), ())), preferred_element_type=dtype
        )
    x_GxNxK = jnp.broadcast_to(x_NxK, (groups, rows, width))
    y_GxOxN = jax.lax.dot_general(kernel_GxOxK, x_GxNxK, (((2,), (2,)), ((0,), (0,))), preferred_element_type=dtype)
    return y_GxOxN.transpose(2, 0, 1).reshape(rows, -1)


def grouped(table_OxK: jax.Array, weight_groups: int) -> jax.Array:
    """[O,K] -> [G,O/G,K]; G is the largest number that divides both `weight_groups` and O."""
    groups = math.gcd(weight_groups, table_OxK.shape[0])
    return table_OxK.reshape(groups, -1, table_OxK.shape[1])
