"""Meshes, and the sharding of arrays: path of a leaf -> logical axes -> mesh axes.

Mesh axes, outermost first: slice (TPU slices, joined by the slower network), data, fsdp (batch and weights), tensor.
Optimizer moments and averaged weights end in their parameter's path, so one table shards them like the parameter.
"""

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.experimental import mesh_utils
from jax.sharding import AbstractMesh, AxisType, Mesh, NamedSharding, PartitionSpec

from t2f_jax.errors import UserError

AXES = ("slice", "data", "fsdp", "tensor")

# Logical axis -> mesh axes. Axes that are not listed are replicated.
RULES: dict[str | None, tuple[str, ...]] = {
    "batch": ("slice", "data", "fsdp"),
    "length": ("tensor",),  # of values computed for each position, such as the loss
    "vocab": ("tensor",),
    "heads": ("tensor",),
    "mlp": ("tensor",),
    "embed": ("fsdp",),
    "channels": ("fsdp",),
}

# End of a leaf's path -> logical axes of its last dimensions; the first match counts. Earlier dimensions (the layers of
# a stack) are replicated.
LOGICAL_AXES: tuple[tuple[str, tuple[str | None, ...]], ...] = (
    (r"embed/word$", ("vocab", "embed")),
    (r"embed/(position|segment)$", (None, "embed")),
    (r"attention/qkv/kernel$", ("embed", "heads")),
    (r"attention/qkv/bias$", ("heads",)),
    (r"attention/out/kernel$", ("heads", "embed")),
    (r"mlp/up/kernel$", ("embed", "mlp")),
    (r"mlp/up/bias$", ("mlp",)),
    (r"mlp/down/kernel$", ("mlp", "embed")),
    (r"head/(weight|text|image)$", ("vocab", "embed")),
    (r"kernel$", (None, None, None, "channels")),  # a convolution: height, width, in, out
)


def make_mesh(spec: str = "", devices: Sequence[Any] | None = None) -> Mesh:
    """A mesh of all `devices` (default: all that JAX has) from a text such as "data=2,fsdp=4".

    An axis that is not named has size 1, except `slice`, the number of TPU slices, and `data`, which takes the rest.

    Raises:
      UserError: an unknown axis, a size that is not a positive number, or sizes that do not fit the number of devices.
    """
    devices = jax.devices() if devices is None else devices
    sizes: dict[str, int] = {}
    for part in filter(None, spec.replace(" ", "").split(",")):
        axis, _, size = part.partition("=")
        if axis not in AXES or axis in sizes or not size.isdecimal() or int(size) < 1:
            raise UserError(f"mesh '{spec}': '{part}' is not AXIS=SIZE; axes are {', '.join(AXES)}, each at most once")
        sizes[axis] = int(size)
    count = count_slices(devices)
    if count > 1 and sizes.setdefault("slice", count) != count:
        raise UserError(f"mesh '{spec}': the devices are {count} slices, so it needs slice={count}")
    named = int(np.prod(list(sizes.values()), dtype=int))
    if "data" not in sizes and len(devices) % named == 0:
        sizes["data"] = len(devices) // named
    shape = tuple(sizes.get(axis, 1) for axis in AXES)
    if np.prod(shape) != len(devices):
        raise UserError(f"mesh '{spec}' asks for {np.prod(shape)} devices, but there are {len(devices)}")
    return Mesh(place_devices(shape, devices), AXES, axis_types=(AxisType.Auto,) * len(AXES))


def count_slices(devices: Sequence[Any]) -> int:
    """TPU slices among the devices; 1 for other devices, although those of several GPU hosts have the attribute."""
    return len({getattr(d, "slice_index", 0) for d in devices if d.platform == "tpu"}) or 1


def place_devices(shape: tuple[int, ...], devices: Sequence[Any]) -> np.ndarray:
    """Devices in an array of `shape`: each entry of the first axis is a slice; neighbours on the other axes are close.

    Only TPUs form a torus; other devices keep their order.

    Args:
      shape: sizes of `AXES`; the first is the number of slices, if there are several.
    """
    if devices[0].platform != "tpu":
        return np.array(devices, object).reshape(shape)
    split = {"allow_split_physical_axes": True}
    count = count_slices(devices)
    if count == 1:
        return mesh_utils.create_device_mesh(shape, devices, **split)
    return mesh_utils.create_hybrid_device_mesh((1, *shape[1:]), (count, 1, 1, 1), devices, **split)


def sharing_mesh(batch_size: int, spec: str = "", alone: bool = False) -> Mesh:
    """The mesh of `spec`; if that is empty, of as many of this process's devices as divide `batch_size`.

    A job of several processes always uses all devices, and `check_batch` refuses a batch that they do not divide,
    unless this process works `alone`.
    """
    if spec or (jax.process_count() > 1 and not alone):
        return make_mesh(spec)
    return make_mesh("", jax.local_devices()[: math.gcd(batch_size, jax.local_device_count())])


def path_name(path: Any) -> str:
    """A key path of `jax.tree_util` -> "params/layers/mlp/up/kernel"."""
    return jax.tree_util.keystr(path, simple=True, separator="/")


def logical_axes(path: str, ndim: int) -> tuple[str | None, ...]:
    """The logical axis of each dimension of the leaf at `path`; None is replicated."""
    for pattern, axes in LOGICAL_AXES:
        if len(axes) <= ndim and re.search(pattern, path):
            return (None,) * (ndim - len(axes)) + axes
    return (None,) * ndim


def spec(axes: Sequence[str | None], shape: Sequence[int], mesh: Mesh | AbstractMesh) -> PartitionSpec:
    """Logical axes -> mesh axes. A dimension that the mesh axes do not divide is replicated."""
    parts = []
    for axis, size in zip(axes, shape, strict=True):
        names = tuple(name for name in RULES.get(axis, ()) if mesh.shape[name] > 1)
        parts.append(names if names and size % np.prod([mesh.shape[name] for name in names]) == 0 else None)
    return PartitionSpec(*parts)


def tree_shardings(tree: Any, mesh: Mesh) -> Any:
    """A sharding for each leaf of a state (or any part of one): arrays or abstract shapes in, NamedShardings out."""

    def one(path: Any, leaf: Any) -> NamedSharding:
        return NamedSharding(mesh, spec(logical_axes(path_name(path), len(leaf.shape)), leaf.shape, mesh))

    return jax.tree_util.tree_map_with_path(one, tree)


def abstract(tree: Any, shardings: Any) -> Any:
    """Shapes and types of `tree` with `shardings`, for restoring a checkpoint."""
    return jax.tree.map(lambda x, s: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=s), tree, shardings)


def batch_ways(mesh: Mesh) -> int:
    """The number of parts that a batch is split into."""
    return int(np.prod([mesh.shape[name] for name in RULES["batch"]]))


def local_rows(batch_size: int, mesh: Mesh) -> list[int]:
    """The rows of 0..batch_size-1 on this process's devices, which this process therefore makes; ascending.

    All rows if the devices do not divide the batch. Processes with the same rows (those along `tensor`) each make them.
    """
    if not mesh.is_multi_process:
        return list(range(batch_size))
    sharding = NamedSharding(mesh, spec(("batch",), (batch_size,), mesh))
    return sorted({r for (cut,) in _local_cuts(sharding, (batch_size,)) for r in range(batch_size)[cut]})


def _local_cuts(sharding: NamedSharding, shape: tuple[int, ...]) -> list[tuple[slice, ...]]:
    """The part of an array of `shape` on each of this process's devices."""
    return list(sharding.addressable_devices_indices_map(shape).values())  # type: ignore[arg-type]  # never None here


def put_batch(batch: dict[str, np.ndarray], mesh: Mesh, batch_size: int | None = None) -> dict[str, jax.Array]:
    """Moves a batch onto the devices, with its rows sharded over the batch axes.

    A number of rows that the devices do not divide (a last, short evaluation batch) is replicated.

    Args:
      batch: each of several processes passes its `local_rows`; an array without dimensions is the same in all.
      batch_size: rows of all processes together; needed if there are several.
    """
    if not mesh.is_multi_process:
        return jax.device_put(batch, batch_shardings(batch, mesh))
    assert batch_size is not None
    rows = np.array(local_rows(batch_size, mesh))

    def put(x: np.ndarray) -> jax.Array:
        shape = (batch_size, *np.shape(x)[1:]) if np.ndim(x) else ()
        sharding = NamedSharding(mesh, spec(("batch",)[: len(shape)], shape[:1], mesh))

        def part(index: Any) -> np.ndarray:
            return x[np.searchsorted(rows, range(batch_size)[index[0]]), *index[1:]] if index else x

        return jax.make_array_from_callback(shape, sharding, part)

    return {name: put(np.asarray(x)) for name, x in batch.items()}


def to_host(tree: Any) -> Any:
    """Arrays sharded over the processes -> whole numpy arrays in each process, one leaf at a time."""

    def one(x: Any) -> np.ndarray:
        if isinstance(x, jax.Array) and not x.is_fully_addressable:
            whole = NamedSharding(x.sharding.mesh, PartitionSpec())  # type: ignore[union-attr]  # always named
            x = jax.jit(lambda y: y, out_shardings=whole)(x).addressable_data(0)
        return np.asarray(x)

    return jax.tree.map(one, tree)


def batch_shardings(batch: Any, mesh: Mesh) -> Any:
    """A sharding for each array: the first axis over the batch axes; replicated if they do not divide it."""
    return jax.tree.map(lambda x: NamedSharding(mesh, spec(("batch",)[: len(x.shape)], x.shape[:1], mesh)), batch)


def check_batch(batch_size: int, mesh: Mesh) -> None:
    """Raises UserError if the devices cannot share `batch_size` rows equally."""
    ways = batch_ways(mesh)
    if batch_size % ways:
        near = max(1, round(batch_size / ways)) * ways
        raise UserError(f"batch_size={batch_size} does not divide over {ways} devices; {near} would")


def platform() -> str:
    """ "cpu", "tpu" or "gpu": that of the program being traced, by `jax.set_mesh` or else JAX's default backend."""
    device = jax.sharding.get_abstract_mesh().abstract_device
    name = getattr(device, "platform", None) or jax.default_backend()
    return "gpu" if name in ("cuda", "rocm") else name


def constrain(x: jax.Array, axes: Sequence[str | None]) -> jax.Array:
    """Shards `x` by its logical axes on the current mesh, where XLA would not choose well itself."""
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty or mesh.size == 1:
        return x
    return jax.lax.with_sharding_constraint(x, NamedSharding(mesh, spec(axes, x.shape, mesh)))


def per_device(
    function: Callable[..., jax.Array],
    inputs: Sequence[tuple[str | None, ...]],
    outputs: tuple[str | None, ...],
) -> Callable[..., jax.Array]:
    """`function` on each device's own part of its arguments, for what XLA cannot partition (kernels, sorting).

    Without a mesh of several devices it is `function` itself.

    Args:
      inputs: logical axes of each argument. A dimension is sharded by `RULES`; if the devices do not divide an axis
        in any argument, every argument and the output keep it whole.
      outputs: logical axes of the one array that `function` returns.
    """
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty or mesh.size == 1:
        return function

    def call(*arguments: jax.Array) -> jax.Array:
        cuts: dict[str | None, tuple[str, ...] | None] = {}
        for axes, argument in zip(inputs, arguments, strict=True):
            for axis, part in zip(axes, spec(axes, argument.shape, mesh), strict=True):
                cuts[axis] = part if cuts.get(axis, part) == part else None

        def cut(axes: Sequence[str | None]) -> PartitionSpec:
            return PartitionSpec(*[cuts.get(axis) for axis in axes])

        specs = {"in_specs": tuple(map(cut, inputs)), "out_specs": cut(outputs)}
        return jax.shard_map(function, mesh=mesh, check_vma=False, **specs)(*arguments)

    return call
