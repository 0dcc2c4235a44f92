"""Batches through shared memory: the same as they were, each with arrays of its own, and nothing is left behind."""

import itertools
import pathlib
import shutil
from multiprocessing.shared_memory import SharedMemory

import numpy as np
import pytest
from makers import Maker

from t2f_jax.data import shared_batches
from t2f_jax.data.processes import through_processes

BATCH = {
    "tokens": np.arange(96, dtype=np.int32).reshape(2, 48)[:, ::2],  # not one piece of memory
    "weights": np.array([0.1, 1, 2.5], np.float32),
    "mask": np.array([True, False, True]),
    "step": np.array(7),
    "none": np.zeros((0, 4), np.int32),
    "words": np.array(["a", None], object),
    "seed": 3,
}
SHARED = {"tokens", "weights", "mask", "step", "none"}


def assert_same(batch, other):
    assert batch.keys() == other.keys()
    for name, values in other.items():
        assert np.array_equal(batch[name], values), name
        assert getattr(batch[name], "dtype", int) == getattr(values, "dtype", int), name


def test_batches_come_as_they_were_and_stay_when_their_slot_is_used_again():
    with shared_batches.slots(BATCH, 2) as (memory, slots):
        assert memory is not None and len(slots) == 2 and slots[0].end == slots[1].start
        other = shared_batches.opened(memory.name)
        twice = {name: values * 2 if name in SHARED - {"mask"} else values for name, values in BATCH.items()}
        sent = [shared_batches.put(other, slot, batch) for slot, batch in zip(slots, (BATCH, twice))]
        places = {name for name, each in sent[0].items() if isinstance(each, shared_batches.Place)}
        assert places == SHARED and sent[0]["words"] is BATCH["words"]
        first, second = (shared_batches.take(memory, each) for each in sent)
        shared_batches.put(other, slots[0], twice)
        assert_same(first, BATCH)
        assert_same(second, twice)
        first["tokens"][0, 0] = 1  # whoever takes a batch may change it


def test_what_does_not_fit_goes_through_the_pipe():
    with shared_batches.slots({"a": np.zeros(16, np.int32)}, 2) as (memory, slots):
        batch = {"a": np.ones(16, np.int32), "b": np.ones(4, np.int32)}
        sent = shared_batches.put(memory, slots[0], batch)
        assert isinstance(sent["a"], shared_batches.Place) and sent["b"] is batch["b"]
        longer = shared_batches.put(memory, slots[0], {"a": np.ones(17, np.int32)})
        assert isinstance(longer["a"], np.ndarray)


@pytest.mark.parametrize("broken", [True, False])
def test_without_shared_memory_all_of_a_batch_goes_through_the_pipe(broken, monkeypatch):
    def none(create, size):
        raise OSError("no space left on device")

    if broken:
        monkeypatch.setattr(shared_batches, "SharedMemory", none)
    else:  # as in a container that has 64 MB of it
        monkeypatch.setattr(shared_batches, "_MOUNTED", pathlib.Path("/"))
        monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(64, 0, 64))  # type: ignore[attr-defined]
    with shared_batches.slots(BATCH, 2) as (memory, slots):
        assert memory is None
        sent = shared_batches.put(memory, slots[0], BATCH)
        assert sent == BATCH
        assert_same(shared_batches.take(memory, sent), BATCH)


def test_the_memory_is_gone_with_the_iterator(monkeypatch):
    names = []

    def noted(create, size):
        names.append((memory := SharedMemory(create=create, size=size)).name)
        return memory

    with monkeypatch.context() as patch:
        patch.setattr(shared_batches, "SharedMemory", noted)
        batches = through_processes(Maker(), 0, 9, 1)
        assert [int(batch["step"]) for batch in itertools.islice(batches, 4)] == [0, 1, 2, 3]
    batches.close()
    assert len(names) == 1 and shared_batches.opened(names[0]) is None
