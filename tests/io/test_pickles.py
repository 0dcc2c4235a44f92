"""Pickles as inert data: hostile ones are refused fast, and nothing in them is imported or run."""

import os
import pathlib
import pickle
import re
import struct
import time

import pytest
from torch_files import Gadget, archive, dictionary, refuse, tensor

from t2f_jax.io import pickle_values, pickles
from t2f_jax.io.torch_reader import TorchFile


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_that_calls_os_system_is_refused_by_name_and_not_run(tmp_path, protocol):
    flag, name = tmp_path / "run", f"{os.system.__module__}.system"
    path = tmp_path / "evil.bin"
    gadget = Gadget(flag)
    refuse(
        archive(path, pickle.dumps(gadget, protocol)),
        f"not hold a dictionary of tensors but '{name}', which was not run",
    )
    refuse(archive(path, pickle.dumps({"w": gadget}, protocol)), f"'w' is '{name}', not a tensor; nothing")
    nested = {"state_dict": {"w": (1, [2, ({"x": (gadget,)},)])}}
    refuse(archive(path, pickle.dumps(nested, protocol)), f"'w' is a tuple that holds '{name}', not a tensor")
    assert not flag.exists()


def test_a_gadget_beside_the_tensors_is_a_placeholder(tmp_path):
    """Dropped from the stack, set as an attribute, or kept in a Lightning file's other entries."""
    flag = tmp_path / "run"
    gadget = pickle.dumps(Gadget(flag), 2)[2:-1]
    plain = dictionary(w=tensor())
    dropped = plain[:2] + gadget + b"0" + plain[2:]
    refuse(archive(tmp_path / "a.bin", dropped, [bytes(24)]), r"names '\w+\.system', which no tensor needs")
    wrapped = dictionary(callbacks=gadget, state_dict=plain[2:-1])
    file = TorchFile(archive(tmp_path / "b.bin", wrapped, [bytes(24)]))
    assert file.placeholders == [f"{os.system.__module__}.system"] and list(file.tensors) == ["w"]
    assert not flag.exists()


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
    refuse(archive(tmp_path / "a.bin", HOSTILE[name]), "damaged pickle|dictionary of tensors|not a tensor")
    assert time.process_time() - began < 10


def test_no_module_is_imported_by_a_pickle():
    described = pickles.load(b"cantigravity\nfly_to\n(tR.", "here")
    value, unknown = described.value, described.unknown
    assert isinstance(value, pickle_values.Opaque) and unknown == ["antigravity.fly_to"]
    assert not re.search(r"__import__|import_module|eval\(|exec\(", pathlib.Path(pickles.__file__).read_text())
