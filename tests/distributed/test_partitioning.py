import dataclasses
import os
import subprocess
import sys
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AbstractMesh, AxisType
from jax.sharding import PartitionSpec as P

from t2f_jax.config.schema import DecoderConfig, OptimConfig
from t2f_jax.distributed import partitioning
from t2f_jax.errors import UserError
from t2f_jax.models.decoder import Decoder
from t2f_jax.models.params import init_decoder
from t2f_jax.training import optim
from t2f_jax.training.state import create_state


def mesh(**sizes):
    """A mesh of as many devices as one likes: shardings need no real ones."""
    shape = tuple(sizes.get(axis, 1) for axis in partitioning.AXES)
    return AbstractMesh(shape, partitioning.AXES, axis_types=(AxisType.Auto,) * 4)


def decoder_state(stacked):
    config = DecoderConfig(layers=2, width=16, heads=4, mlp=32, max_length=8)

    def init(key):
        decoder = Decoder(config, 40, jnp.float32, stacked=stacked)
        return create_state(init_decoder(decoder, key), optim.make(OptimConfig(), 10), ema=0.9)

    return jax.eval_shape(init, jax.random.key(0))


def test_no_spec_puts_all_devices_on_data():
    assert dict(partitioning.make_mesh("", jax.devices()).shape) == {
        "slice": 1, "data": len(jax.devices()), "fsdp": 1, "tensor": 1
    }  # fmt: skip
    assert set(partitioning.make_mesh("").axis_types) == {AxisType.Auto}


@pytest.mark.parametrize("spec", ["data=3", "fsdp=7", "data=2,fsdp=4"])
def test_sizes_that_do_not_fit_name_the_spec_and_the_devices(spec):
    with pytest.raises(UserError, match=rf"mesh '{spec}' asks for \d+ devices, but there are 1"):
        partitioning.make_mesh(spec, jax.devices()[:1])


@pytest.mark.parametrize("spec", ["model=1", "data", "data=x", "data=0", "data=1,data=1"])
def test_malformed_specs_are_refused(spec):
    with pytest.raises(UserError, match="axes are slice, data, fsdp, tensor"):
        partitioning.make_mesh(spec)


@pytest.mark.parametrize("stacked", [True, False])
def test_decoder_weights_are_cut_and_their_moments_and_averages_alike(stacked):
    abstract = decoder_state(stacked)
    specs = {
        partitioning.path_name(path): s.spec
        for path, s in jax.tree_util.tree_leaves_with_path(
            partitioning.tree_shardings(abstract, mesh(fsdp=4, tensor=2))
        )
    }
    stack = (None,) if stacked else ()
    layer = "layers" if stacked else "layer_1"
    expected = {
        "embed/word": P(("tensor",), ("fsdp",)),
        f"{layer}/attention/qkv/kernel": P(*stack, ("fsdp",), ("tensor",)),
        f"{layer}/attention/out/kernel": P(*stack, ("tensor",), ("fsdp",)),
        f"{layer}/mlp/up/kernel": P(*stack, ("fsdp",), ("tensor",)),
        f"{layer}/mlp/up/bias": P(*stack, ("tensor",)),
        f"{layer}/mlp/down/kernel": P(*stack, ("tensor",), ("fsdp",)),
        f"{layer}/norm_1/scale": P(*stack, None),
        "head/weight": P(("tensor",), ("fsdp",)),
    }
    for path, want in expected.items():
        found = [got for full, got in specs.items() if full.endswith("/" + path)]
        assert len(found) == 4 and set(found) == {want}, (path, found)  # params, mu, nu, ema
    assert specs["step"] == P()


def test_convolutions_are_cut_by_output_channel_where_that_divides():
    tree = {
        "down": {"kernel": jax.ShapeDtypeStruct((3, 3, 8, 16), jnp.float32)},
        "conv_out": {"kernel": jax.ShapeDtypeStruct((3, 3, 8, 3), jnp.float32)},
        "codebook": jax.ShapeDtypeStruct((512, 16), jnp.float32),
    }
    specs = jax.tree.map(lambda s: s.spec, partitioning.tree_shardings(tree, mesh(fsdp=4)))
    assert specs["down"]["kernel"] == P(None, None, None, ("fsdp",))
    assert specs["conv_out"]["kernel"] == P(None, None, None, None) and specs["codebook"] == P(None, None)


def test_batches_that_devices_cannot_share_are_refused():
    partitioning.check_batch(16, mesh(slice=2, data=2, fsdp=4))
    with pytest.raises(UserError, match="batch_size=20 does not divide over 16 devices; 16 would"):
        partitioning.check_batch(20, mesh(slice=2, data=2, fsdp=4))


def test_put_batch_keeps_values():
    batch = {"x": np.arange(6).reshape(3, 2), "weight": np.float32(2)}
    there = partitioning.put_batch(batch, partitioning.make_mesh())
    assert all(np.array_equal(there[k], batch[k]) for k in batch)


@dataclasses.dataclass(frozen=True)
class Chip:
    """What placing asks of a device."""

    slice_index: int
    coords: tuple[int, int, int]
    device_kind: str = "TPU v5 lite"
    platform: str = "tpu"
    core_on_chip: int = 0


@pytest.mark.parametrize("shape", [(2, 4, 4, 1), (2, 2, 8, 1), (2, 1, 16, 1), (2, 2, 4, 2)])
def test_the_slice_axis_goes_between_slices_and_the_others_along_the_torus(shape):
    chips = [Chip(s, (x, y, 0)) for x in range(4) for s in range(2) for y in range(4)]
    placed = partitioning.place_devices(shape, chips)
    assert [{c.slice_index for c in part.ravel()} for part in placed] == [{0}, {1}]
    for axis in (2, 3):  # what sends the most: each step is a link of the torus
        places = np.array([c.coords for c in placed[0].ravel()]).reshape(*shape[1:], 3)
        far = np.abs(np.diff(places, axis=axis - 1))
        assert (np.minimum(far, 4 - far).sum(-1) <= (1 if shape[axis] <= 4 else 2)).all()


def test_slices_need_their_axis_and_get_it_by_themselves(monkeypatch):
    monkeypatch.setattr(partitioning, "Mesh", lambda devices, axes, axis_types: dict(zip(axes, devices.shape)))
    chips = [Chip(s, (x, y, 0)) for s in range(2) for x in range(4) for y in range(4)]
    assert partitioning.make_mesh("fsdp=4", chips) == {"slice": 2, "data": 4, "fsdp": 4, "tensor": 1}
    alone = [types.SimpleNamespace(**{k: v for k, v in vars(c).items() if k != "slice_index"}) for c in chips[:16]]
    assert partitioning.make_mesh("fsdp=4", alone) == {"slice": 1, "data": 4, "fsdp": 4, "tensor": 1}
    with pytest.raises(UserError, match="the devices are 2 slices, so it needs slice=2"):
        partitioning.make_mesh("slice=4,data=8", chips)
    others = [dataclasses.replace(c, platform="gpu", device_kind="NVIDIA H100") for c in chips]
    assert partitioning.make_mesh("fsdp=4", others) == {"slice": 1, "data": 8, "fsdp": 4, "tensor": 1}
    assert partitioning.place_devices((1, 8, 4, 1), others).ravel().tolist() == others


EIGHT = """
import jax, numpy as np
from t2f_jax.distributed import partitioning
mesh = partitioning.make_mesh("fsdp=4")
assert dict(mesh.shape) == {"slice": 1, "data": 2, "fsdp": 4, "tensor": 1}, mesh.shape
x = partitioning.put_batch({"x": np.arange(16.0).reshape(16, 1)}, mesh)["x"]
assert [s.data.shape for s in x.addressable_shards] == [(2, 1)] * 8
short = partitioning.put_batch({"x": np.arange(5.0)}, mesh)["x"]
assert short.sharding.is_fully_replicated and np.array_equal(short, np.arange(5.0))
"""


def test_on_eight_devices_rows_are_spread_over_data_and_fsdp():
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=8", "JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, "-c", EIGHT], env={**os.environ, **flags}, check=True)
