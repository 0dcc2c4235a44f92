"""Weights in files: as they are, and rounded."""

import contextlib
import pathlib
import tempfile
import zipfile

import damage
import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from t2f_jax.errors import UserError
from t2f_jax.io import weights

RNG = np.random.default_rng(0)
PARAMS = {
    "embed": {"word": RNG.normal(size=(20, 8)).astype(np.float32)},
    "layer_0": {"up": {"kernel": RNG.normal(size=(8, 24)).astype(np.float32), "bias": np.ones(24, np.float32)}},
    "norm": {"scale": np.linspace(0.9, 1.1, 8, dtype=np.float32)},
}
SHAPES = jax.eval_shape(lambda: PARAMS)


@pytest.mark.parametrize(("kind", "error"), [("float32", 0.0), ("bfloat16", 2**-8), ("int8", 1 / 127)])
def test_rounded_matrices_come_back_nearly_and_vectors_exactly(tmp_path, kind, error):
    weights.save_params(tmp_path / "w.safetensors", PARAMS, kind)
    again = weights.load_params(tmp_path / "w.safetensors", SHAPES)
    for path, value in jax.tree_util.tree_leaves_with_path(PARAMS):
        back = again
        for key in path:
            back = back[key.key]
        assert back.dtype == np.float32
        allowed = error * np.abs(value).max() if value.ndim == 2 else 0
        assert np.abs(back - value).max() <= allowed, path
    size = (tmp_path / "w.safetensors").stat().st_size
    weights.save_params(tmp_path / "whole.safetensors", PARAMS)
    if kind == "bfloat16":
        assert size < 0.75 * (tmp_path / "whole.safetensors").stat().st_size


def test_who_may_read_other_files_may_read_weights(tmp_path):
    (tmp_path / "other").touch()
    weights.save_params(tmp_path / "w.safetensors", PARAMS)
    assert (tmp_path / "w.safetensors").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_broken_scale_is_named(tmp_path):
    from safetensors.numpy import load_file, save_file

    file = tmp_path / "w.safetensors"
    weights.save_params(file, PARAMS, "int8")
    flat = load_file(file)
    name = "embed.word.int8_scale"
    save_file({k: v for k, v in flat.items() if k != name}, file)
    with pytest.raises(UserError, match=f"1 tensors missing .*{name}"):
        weights.load_params(file, SHAPES)
    save_file({**flat, "norm.scale.int8_scale": flat[name]}, file)
    with pytest.raises(UserError, match=r"1 tensors unexpected .*norm\.scale\.int8_scale"):
        weights.load_params(file, SHAPES)


def test_tensors_of_either_type_of_file_are_read_and_others_refused(tmp_path):
    flat = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b.c": np.ones(4, np.float32)}
    np.savez(tmp_path / "x.npz", **flat)
    save_file(flat, tmp_path / "x.safetensors")
    for name in ("x.npz", "x.safetensors"):
        tensors = weights.load_tensors(tmp_path / name)
        assert tensors.keys() == flat.keys()
        assert all((tensors[key] == value).all() for key, value in flat.items())
    with pytest.raises(UserError, match=r"absent\.npz: no such file"):
        weights.load_tensors(tmp_path / "absent.npz")
    (tmp_path / "x.txt").write_text("no tensors")
    with pytest.raises(UserError, match=r"must be a \.npz or \.safetensors file"):
        weights.load_tensors(tmp_path / "x.txt")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "x.npz").read_bytes()[:40])
    with pytest.raises(UserError, match=r"cut\.npz: not a whole \.npz file"):
        weights.load_tensors(tmp_path / "cut.npz")


def test_numbers_that_are_none_are_refused(tmp_path):
    for value in (np.nan, np.inf, -np.inf):
        bad = PARAMS | {"norm": {"scale": np.array([1, value, 1, 1, 1, 1, 1, 1], np.float32)}}
        weights.save_params(tmp_path / "w.safetensors", bad)
        with pytest.raises(UserError, match=r"w\.safetensors: tensor 'norm\.scale' holds NaN or infinity .*\[1\]"):
            weights.load_params(tmp_path / "w.safetensors", SHAPES)
    np.savez(tmp_path / "x.npz", a=np.array([np.nan]))
    with pytest.raises(UserError, match=r"x\.npz: tensor 'a' holds NaN"):
        weights.load_tensors(tmp_path / "x.npz")
    weights.check_finite("large", np.full(9, 3e38, np.float32))  # their sum is infinite, they are not


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
@pytest.mark.parametrize(
    "data", [b"", bytes(100), b"PK\3\4" + bytes(90), b"\x93NUMPY\1\0", b"<html>", b"\x08" + bytes(15)]
)
def test_a_foreign_file_of_weights_is_refused_in_one_line(tmp_path, suffix, data):
    (tmp_path / f"x{suffix}").write_bytes(data)
    with pytest.raises(UserError, match=rf"x\{suffix}: not a whole") as caught:
        weights.load_tensors(tmp_path / f"x{suffix}")
    assert "\n" not in str(caught.value)


@settings(max_examples=200, deadline=None)
@given(data=st.data(), suffix=st.sampled_from([".npz", ".safetensors"]))
@pytest.mark.filterwarnings("ignore")
def test_any_bytes_are_weights_or_are_refused(data, suffix):
    flat = {"embed": np.arange(6, dtype=np.float32).reshape(2, 3), "norm.scale": np.ones(4, np.float32)}
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / f"x{suffix}"
        np.savez(path, **flat) if suffix == ".npz" else save_file(flat, path)
        path.write_bytes(data.draw(damage.any_file(path.read_bytes())))
        with contextlib.suppress(UserError):
            weights.load_tensors(path)
        if suffix == ".safetensors":
            with contextlib.suppress(UserError):
                weights.load_params(path, {"embed": np.zeros((2, 3)), "norm": {"scale": np.zeros(4)}})


def test_an_archive_that_unpacks_to_far_more_is_refused(tmp_path):
    path = tmp_path / "bomb.npz"
    header = {"descr": "|u1", "fortran_order": False, "shape": (1 << 60,)}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.write(bytes(1000))
    with pytest.raises(UserError, match=r"bomb\.npz: not a whole \.npz file"):
        weights.load_tensors(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_torch_files_are_read_of_any_float_type(torch, tmp_path, zipped):
    state = {"features.0.weight": torch.arange(6.0).view(2, 3), "half": torch.ones(3).bfloat16()}
    state |= {"double": torch.full((2,), 0.1, dtype=torch.float64), "classifier": torch.full((2,), torch.nan)}
    torch.save({"state_dict": state}, tmp_path / "x.PTH", _use_new_zipfile_serialization=zipped)
    tensors = weights.load_tensors(tmp_path / "x.PTH", lambda name: name != "classifier")
    assert list(tensors) == ["features.0.weight", "half", "double"]
    for name, value in tensors.items():
        assert np.array_equal(value.astype(np.float64), state[name].double().numpy())
    with pytest.raises(UserError, match=r"x\.PTH: tensor 'classifier' holds NaN"):
        weights.load_tensors(tmp_path / "x.PTH")


FOREIGN = {
    "a pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n",
    "a web page": b"<!DOCTYPE html>\n<html>",
    "an empty file": b"",
    "nothing but zeros": bytes(99),
    "a list of the parts of a model": b'{"metadata": {}, "weight_map": {"a": "model-00001-of-00002.safetensors"}}',
}


@pytest.mark.parametrize("what", FOREIGN)
@pytest.mark.parametrize("name", ["x.safetensors", "x.npz", "x.pth", "x.bin"])
def test_what_a_file_is_instead_is_told(what, name, tmp_path):
    (tmp_path / name).write_bytes(FOREIGN[what])
    with pytest.raises(UserError, match=f"{name}: .*{what}") as caught:
        weights.load_tensors(tmp_path / name)
    assert "\n" not in str(caught.value)
    (tmp_path / "x.pth.incomplete").write_bytes(b"PK\3\4")
    with pytest.raises(UserError, match="it is a download that was not finished"):
        weights.load_tensors(tmp_path / "x.pth.incomplete")
