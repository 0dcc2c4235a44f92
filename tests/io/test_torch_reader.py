"""Torch's files without torch: every layout is read; whatever is broken, cut or changed is refused in one line."""

import os
import pathlib
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch_files import ARRAYS, Gadget, archive, dictionary, refuse, tensor

from t2f_jax.convert import torch_writer
from t2f_jax.errors import UserError
from t2f_jax.io.torch_reader import TorchFile


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_reads_what_torch_writes(tmp_path, protocol):
    torch = pytest.importorskip("torch", reason="torch is not installed: pip install -e '.[torch]'")
    state = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4)).state_dict()
    shared = torch.randn(10, 4)
    state |= {
        "bfloat16": torch.randn(3, 3).bfloat16(),
        "transposed": torch.randn(4, 5).t(),
        "view": shared[3:7, 1:3],
        "shared": shared,
        "parameter": torch.nn.Parameter(torch.randn(2)),
        "unsigned": torch.tensor([1, 2], dtype=torch.uint16),
    }
    lightning = {"state_dict": state, "epoch": 3, "callbacks": {torch.nn.Linear: {"best": pathlib.PosixPath("x")}}}
    torch.save(lightning, tmp_path / "a.ckpt", pickle_protocol=protocol)
    file = TorchFile(tmp_path / "a.ckpt")
    assert file.placeholders[0] == "torch.nn.modules.linear.Linear"
    assert list(file.tensors) == list(state)
    for name, value in state.items():
        wanted = value.detach().float() if value.dtype == torch.bfloat16 else value.detach()
        np.testing.assert_array_equal(file.read(name).astype(wanted.numpy().dtype), wanted.numpy())


def test_strides_offsets_and_shared_storages(tmp_path):
    values = np.arange(12, dtype=np.float32)
    pickled = dictionary(
        turned=tensor(shape=(3, 2), strides=(1, 3)),
        late=tensor(shape=(2,), strides=(1,), offset=10),
        brain=tensor("1", (2,), (1,), storage="BFloat16Storage"),
    )
    brain = np.array([0x3FC0, 0xC000], "<u2")  # 1.5, -2
    file = TorchFile(archive(tmp_path / "a.bin", pickled, [values.tobytes(), brain.tobytes()]))
    np.testing.assert_array_equal(file.read("turned"), values[:6].reshape(2, 3).T)
    np.testing.assert_array_equal(file.read("late"), [10, 11])
    np.testing.assert_array_equal(file.read("brain").astype(np.float32), [1.5, -2])


def test_a_tensor_must_lie_in_its_storage(tmp_path):
    path = tmp_path / "a.bin"
    refuse(archive(path, dictionary(w=tensor()), [bytes(20)]), r"'w' of shape \(2, 3\) reaches to value 6 .* holds 5")
    refuse(archive(path, dictionary(w=tensor(offset=2)), [bytes(24)]), "reaches to value 8")
    refuse(archive(path, dictionary(w=tensor(shape=(1 << 40, 1 << 20))), [bytes(24)]), "reaches to value")
    refuse(archive(path, dictionary(w=tensor(shape=(1 << 40, 9), strides=(0, 0))), [bytes(24)]), "repeats the 6 val")
    refuse(archive(path, dictionary(w=tensor("7")), [bytes(24)]), "storage '7' is missing")
    refuse(archive(path, dictionary(w=tensor(storage="QInt8Storage")), [bytes(24)]), "is of type qint8")
    refuse(archive(path, dictionary(w=tensor(shape=(-1, 3))), [bytes(24)]), "no sizes")
    big = {f"w{i}": tensor(shape=(1 << 16,), strides=(1,)) for i in range(40)}
    refuse(archive(path, dictionary(**big), [bytes(1 << 18)]), "claim .* bytes of a file of")


def test_a_cut_file_is_refused_wherever_it_is_cut(tmp_path):
    torch_writer.write(tmp_path / "whole.bin", ARRAYS.items())
    whole = (tmp_path / "whole.bin").read_bytes()
    for length in (*range(0, len(whole), 37), len(whole) - 1):
        (tmp_path / "cut.bin").write_bytes(whole[:length])
        refuse(tmp_path / "cut.bin", "cut|not a file of torch|damaged|missing")


def test_damage_in_a_tensors_bytes_is_noticed(tmp_path):
    torch_writer.write(tmp_path / "a.bin", ARRAYS.items())
    data = bytearray((tmp_path / "a.bin").read_bytes())
    at = data.index(ARRAYS["plain"].tobytes())
    data[at + 5] ^= 1
    (tmp_path / "a.bin").write_bytes(data)
    refuse(tmp_path / "a.bin", "'plain' is damaged .its checksum is wrong")


def test_what_is_no_torch_file_is_named(tmp_path):
    refuse(tmp_path / "none.bin", "no such file")
    refuse(tmp_path, "this is a folder")
    if os.path.exists("/dev/null"):
        refuse(pathlib.Path("/dev/null"), "this is a pipe or a device")
    (tmp_path / "text.bin").write_text("weights")
    refuse(tmp_path / "text.bin", "begins as no zip archive does")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("readme.txt", "hello")
    refuse(tmp_path / "a.zip", "0 entries NAME/data.pkl instead of one")
    refuse(archive(tmp_path / "e.bin", dictionary()), "is empty")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mutants")
    gadget = pickle.dumps({"x": [1.5, None, ("a", Gadget("nowhere"))]}, 2)[2:-1]
    pickled = dictionary(extra=gadget, state_dict=dictionary(w=tensor(), v=tensor(strides=(1, 2)))[2:-1])
    return archive(folder / "whole.bin", pickled, [bytes(range(24))]).read_bytes(), folder / "mutant.bin"


CHANGES = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CHANGES, st.floats(0, 1), st.binary(max_size=9))
def test_a_mutated_file_is_read_or_refused(whole, changes, cut, inserted):
    data, path = bytearray(whole[0]), whole[1]
    for place, value in changes:
        data[int(place * len(data))] = value
    at = int(cut * len(data))
    path.write_bytes(data[:at] + inserted + data[at + len(inserted) :])
    try:
        file = TorchFile(path)
        for name in file.tensors:
            file.read(name)
    except UserError as error:
        assert "\n" not in str(error)
