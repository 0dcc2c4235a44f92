import os

import psutil
import pytest

from t2f_jax.io import read_ahead


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="this system cannot be asked")
def test_every_byte_is_asked_for_once(tmp_path, monkeypatch):
    sizes, asked = [0, 5, 20], {}

    def advise(file, start, length, advice):
        path = os.readlink(f"/proc/self/fd/{file}")
        asked.setdefault(path, []).append(range(start, start + length))

    monkeypatch.setattr(os, "posix_fadvise", advise)
    monkeypatch.setattr(read_ahead, "_CHUNK", 8)
    for size in sizes:
        (tmp_path / str(size)).write_bytes(bytes(size))
    thread = read_ahead.read_ahead([tmp_path / str(size) for size in sizes])
    thread.join()
    assert asked == {str(tmp_path / "5"): [range(8)], str(tmp_path / "20"): [range(8), range(8, 16), range(16, 24)]}


def test_files_that_would_fill_the_memory_are_left(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(bytes(100))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"available": 150}))
    assert read_ahead.read_ahead([tmp_path / "a"]) is None
