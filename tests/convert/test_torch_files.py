"""Torch's files without torch: read and written bit for bit; whatever is broken or hostile is refused in one line."""

import os
import pathlib
import pickle
import re
import struct
import time
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from original_files import archive, dictionary, tensor

from t2f_jax.convert import pickles, torch_writer, zip_files
from t2f_jax.convert.torch_reader import TorchFile
from t2f_jax.errors import UserError

ARRAYS = {
    "plain": np.arange(6, dtype=np.float32).reshape(2, 3),
    "scalar": np.float32(3.5).reshape(()),
    "empty": np.zeros((0, 4), np.float32),
    "half": np.array([1.5, -2], np.float16),
    "double": np.array([[np.pi]]),
    "long": np.array([2**40, -1]),
    "bool": np.array([True, False]),
    "transposed": np.arange(12, dtype=np.float32).reshape(3, 4).T,
}


def refused(path, match):
    with pytest.raises(UserError, match=match) as caught:
        file = TorchFile(path)
        for name in file.tensors:
            file.read(name)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("key", [None, "state_dict"])
def test_what_is_written_is_read_bit_for_bit(tmp_path, key):
    torch_writer.write(tmp_path / "a.bin", ARRAYS.items(), key)
    torch_writer.write(tmp_path / "b.bin", ARRAYS.items(), key)
    file = TorchFile(tmp_path / "a.bin")
    assert list(file.tensors) == list(ARRAYS) and not file.placeholders
    for name, array in ARRAYS.items():
        value = file.read(name)
        assert value.dtype == array.dtype and value.shape == array.shape
        np.testing.assert_array_equal(value, array)
    assert (tmp_path / "a.bin").read_bytes() == (tmp_path / "b.bin").read_bytes()


def test_torch_opens_what_is_written(tmp_path):
    torch = pytest.importorskip("torch", reason="torch is not installed: pip install -e '.[torch]'")
    torch_writer.write(tmp_path / "a.bin", ARRAYS.items())
    for mapped in (False, True):
        state = torch.load(tmp_path / "a.bin", weights_only=True, mmap=mapped)
        assert list(state) == list(ARRAYS)
        for name, array in ARRAYS.items():
            np.testing.assert_array_equal(state[name].numpy(), array)
    torch_writer.write(tmp_path / "a.ckpt", ARRAYS.items(), "state_dict")
    assert list(torch.load(tmp_path / "a.ckpt", weights_only=True)["state_dict"]) == list(ARRAYS)


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
    torch.save(state, tmp_path / "old.bin", _use_new_zipfile_serialization=False)
    refused(tmp_path / "old.bin", "older than 1.6; save it again with torch")


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


class Gadget:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_that_calls_os_system_is_refused_by_name_and_not_run(tmp_path, protocol):
    flag, name = tmp_path / "run", f"{os.system.__module__}.system"
    path = tmp_path / "evil.bin"
    gadget = Gadget(flag)
    refused(archive(path, pickle.dumps(gadget, protocol)), f"no dictionary of tensors but '{name}', which was not run")
    refused(archive(path, pickle.dumps({"w": gadget}, protocol)), f"'w' is '{name}', not a tensor; nothing")
    nested = {"state_dict": {"w": (1, [2, ({"x": (gadget,)},)])}}
    refused(archive(path, pickle.dumps(nested, protocol)), f"'w' is a tuple that holds '{name}', not a tensor")
    assert not flag.exists()


def test_a_gadget_beside_the_tensors_is_a_placeholder(tmp_path):
    """Dropped from the stack, set as an attribute, or kept in a Lightning file's other entries."""
    flag = tmp_path / "run"
    gadget = pickle.dumps(Gadget(flag), 2)[2:-1]
    plain = dictionary(w=tensor())
    dropped = plain[:2] + gadget + b"0" + plain[2:]
    refused(archive(tmp_path / "a.bin", dropped, [bytes(24)]), r"names '\w+\.system', which no tensor needs")
    wrapped = dictionary(callbacks=gadget, state_dict=plain[2:-1])
    file = TorchFile(archive(tmp_path / "b.bin", wrapped, [bytes(24)]))
    assert file.placeholders == [f"{os.system.__module__}.system"] and list(file.tensors) == ["w"]
    assert not flag.exists()


def test_a_tensor_must_lie_in_its_storage(tmp_path):
    path = tmp_path / "a.bin"
    refused(archive(path, dictionary(w=tensor()), [bytes(20)]), r"'w' of shape \(2, 3\) reaches to value 6 .* holds 5")
    refused(archive(path, dictionary(w=tensor(offset=2)), [bytes(24)]), "reaches to value 8")
    refused(archive(path, dictionary(w=tensor(shape=(1 << 40, 1 << 20))), [bytes(24)]), "reaches to value")
    refused(archive(path, dictionary(w=tensor(shape=(1 << 40, 9), strides=(0, 0))), [bytes(24)]), "repeats the 6 val")
    refused(archive(path, dictionary(w=tensor("7")), [bytes(24)]), "storage '7' is missing")
    refused(archive(path, dictionary(w=tensor(storage="QInt8Storage")), [bytes(24)]), "unknown type")
    refused(archive(path, dictionary(w=tensor(shape=(-1, 3))), [bytes(24)]), "no sizes")
    big = {f"w{i}": tensor(shape=(1 << 16,), strides=(1,)) for i in range(40)}
    refused(archive(path, dictionary(**big), [bytes(1 << 18)]), "claim .* bytes of a file of")


def test_a_cut_file_is_refused_wherever_it_is_cut(tmp_path):
    torch_writer.write(tmp_path / "whole.bin", ARRAYS.items())
    whole = (tmp_path / "whole.bin").read_bytes()
    for length in (*range(0, len(whole), 37), len(whole) - 1):
        (tmp_path / "cut.bin").write_bytes(whole[:length])
        refused(tmp_path / "cut.bin", "cut|not a file of torch|damaged|missing")


def test_damage_in_a_tensors_bytes_is_noticed(tmp_path):
    torch_writer.write(tmp_path / "a.bin", ARRAYS.items())
    data = bytearray((tmp_path / "a.bin").read_bytes())
    at = data.index(ARRAYS["plain"].tobytes())
    data[at + 5] ^= 1
    (tmp_path / "a.bin").write_bytes(data)
    refused(tmp_path / "a.bin", "'plain' is damaged .its checksum is wrong")


def test_a_zip_bomb_costs_neither_time_nor_memory(tmp_path):
    bomb = archive(tmp_path / "a.bin", dictionary(w=tensor()), [bytes(1 << 26)], zipfile.ZIP_DEFLATED)
    assert bomb.stat().st_size < 1 << 17
    refused(bomb, "is compressed, which torch.save never does")
    lying = archive(tmp_path / "b.bin", dictionary(w=tensor()), [bytes(24)])
    data = lying.read_bytes()
    for size in (1 << 31, 1 << 20):  # the directory claims that the storage has so many bytes
        at = data.rindex(b"PK\1\2")
        lying.write_bytes(data[: at + 20] + struct.pack("<2I", size, size) + data[at + 28 :])
        refused(lying, "claims .* bytes from|contradicts")
    end = data.rindex(b"PK\5\6")
    lying.write_bytes(data[: end + 8] + struct.pack("<2H2I", 65534, 65534, 1 << 30, 0) + data[end + 20 :])
    refused(lying, "more than any torch file has")


HOSTILE = {
    "many opcodes": b"\x80\x02" + b"N" * (1 << 21) + b".",
    "a deep nest": b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
    "deep tuples as a key": b"\x80\x02})" + b"\x85" * 100_000 + b"Ns.",
    "a wide memo": b"\x80\x02}r\xff\xff\xff\xff.",
    "a large number": b"\x80\x02\x8b" + struct.pack("<i", 1 << 20) + b"\x7f" * (1 << 20) + b".",
    "a promise of bytes": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 60) + b".",
    "colliding keys": b"\x80\x02}("
    + b"".join(b"\x8a\x10" + struct.pack("<QQ", k * (2**61 - 1) & (2**64 - 1), k >> 3) + b"N" for k in range(50_000))
    + b"u.",
    "doubled tuples": b"\x80\x02)" + b"2\x86" * 100_000 + b".",
    "nothing": b"",
    "an empty stack": b"\x80\x02aaa.",
    "an open mark": b"\x80\x02(}.",
    "an extension": b"\x80\x02\x82\x01.",
    "a persistent id": b"\x80\x02K\x01Q.",
    "a decimal of many digits": b"I" + b"9" * 100_000 + b"\n.",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_pickle_is_refused_at_once(tmp_path, name):
    began = time.process_time()
    refused(archive(tmp_path / "a.bin", HOSTILE[name]), "damaged pickle|dictionary of tensors|not a tensor")
    assert time.process_time() - began < 10


def test_what_is_no_torch_file_is_named(tmp_path):
    refused(tmp_path / "none.bin", "no such file")
    refused(tmp_path, "this is a folder")
    (tmp_path / "text.bin").write_text("weights")
    refused(tmp_path / "text.bin", "begins as no zip archive does")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("readme.txt", "hello")
    refused(tmp_path / "a.zip", "0 entries NAME/data.pkl instead of one")
    refused(archive(tmp_path / "e.bin", dictionary()), "is empty")


def test_a_name_from_a_file_is_printed_short_and_on_one_line():
    assert zip_files.shown("a\n\x1b[31m") == r"'a\n\x1b[31m'"
    assert len(zip_files.shown("x" * 10_000)) < 130


def test_no_module_is_imported_by_a_pickle():
    value, unknown = pickles.load(b"cantigravity\nfly_to\n(tR.", "here")
    assert isinstance(value, pickles.Opaque) and unknown == ["antigravity.fly_to"]
    assert not re.search(r"__import__|import_module|eval\(|exec\(", pathlib.Path(pickles.__file__).read_text())


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
