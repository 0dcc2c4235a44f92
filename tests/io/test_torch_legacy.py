"""Files of torch before 1.6 are read as data; cut, mutated and hostile ones are refused in one line."""

import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch_files import Gadget, refuse

from t2f_jax.errors import UserError
from t2f_jax.io.torch_reader import TorchFile


@pytest.fixture(scope="module")
def state(torch):
    shared = torch.randn(10, 4)
    return {
        "weight": torch.randn(4, 3),
        "half": torch.randn(3).half(),
        "bfloat16": torch.randn(3, 3).bfloat16(),
        "long": torch.tensor([1, 2**40]),
        "bool": torch.tensor([True, False]),
        "view": shared[3:7, 1:3],
        "turned": shared.t(),
    }


@pytest.fixture
def legacy(torch, state, tmp_path):
    torch.save(state, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    return tmp_path / "old.pth"


def test_reads_what_torch_wrote_before_zip_files(torch, state, legacy):
    file = TorchFile(legacy)
    assert list(file.tensors) == list(state)
    for name, value in state.items():
        wanted = value.float() if value.dtype == torch.bfloat16 else value
        np.testing.assert_array_equal(file.read(name).astype(wanted.numpy().dtype), wanted.numpy())


def test_a_dictionary_that_python_2_wrote_as_a_list_of_pairs(tmp_path):
    """As in LPIPS's heads: collections.OrderedDict called with [[name, tensor], ...]."""
    tensor = (
        b"ctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage\nU\x017U\x03cpuK\x02NtQK\x00(K\x02t(K\x01t\x89Nt"
        b"R"
    )
    described = b"\x80\x02ccollections\nOrderedDict\n](](U\x06weight" + tensor + b"ee\x85R."
    parts = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]
    head = b"".join(pickle.dumps(part, protocol=2) for part in parts)
    values = (2).to_bytes(8, "little") + np.array([1.5, -2], np.float32).tobytes()
    (tmp_path / "old.pth").write_bytes(head + described + pickle.dumps(["7"], protocol=2) + values)
    file = TorchFile(tmp_path / "old.pth")
    assert file.read("weight").tolist() == [1.5, -2]


def test_a_lightning_checkpoint_and_nothing_in_it_is_run(torch, state, tmp_path):
    value = {"callbacks": Gadget(tmp_path / "run"), "state_dict": state}
    torch.save(value, tmp_path / "old.ckpt", _use_new_zipfile_serialization=False)
    file = TorchFile(tmp_path / "old.ckpt")
    assert list(file.tensors) == list(state) and not (tmp_path / "run").exists()
    assert file.placeholders == ["posix.system"]


def test_a_cut_file_is_refused_wherever_it_is_cut(legacy, tmp_path):
    whole = legacy.read_bytes()
    for length in (*range(0, len(whole), 53), len(whole) - 1):
        (tmp_path / "cut.pth").write_bytes(whole[:length])
        refuse(tmp_path / "cut.pth", "cut off|damaged|empty file|not a file of torch")


def test_what_the_file_is_instead_is_told(tmp_path):
    for data, what in (
        (b"", "an empty file"),
        (b"<!DOCTYPE html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        (pickle.dumps({"a": 1}), "a pickle, but none of torch.save"),
        (bytes(100), "nothing but zeros"),
        ((40).to_bytes(8, "little") + b'{"a":{}}', "a safetensors file"),
    ):
        (tmp_path / "x.pth").write_bytes(data)
        refuse(tmp_path / "x.pth", f"not a file of torch.save .{what}")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_mutated_file_is_read_or_refused(legacy, changes):
    data = bytearray(legacy.read_bytes())
    for place, value in changes:
        data[int(place * len(data))] = value
    path = legacy.with_name("mutant.pth")
    path.write_bytes(data)
    try:
        file = TorchFile(path)
        for name in file.tensors:
            file.read(name)
    except UserError as error:
        assert "\n" not in str(error)
