"""Folders: cache, disk, datasets, variables."""

import pytest

from t2f_jax.doctor import folders


@pytest.fixture
def found(tmp_path, monkeypatch):
    """A function: variables -> findings by name, with a cache of its own."""

    def look(**variables):
        monkeypatch.setenv("T2F_CACHE", str(tmp_path / "cache"))
        monkeypatch.delenv("T2F_DATA", raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))
        return {finding.name: finding for finding in folders.check()}

    return look


def test_the_cache_counts_its_programs(found, tmp_path):
    assert "0 compiled programs" in found()["cache"].told
    (tmp_path / "cache" / "programs" / "jit_step-abc-cache").write_bytes(b"x")
    assert "1 compiled programs" in found()["cache"].told


def test_a_cache_that_cannot_be_written(found, tmp_path):
    (tmp_path / "file").touch()
    cache = found(T2F_CACHE=tmp_path / "file" / "cache")["cache"]
    assert cache.state == "optional" and "set T2F_CACHE" in cache.mend


def test_datasets_that_are_here(found, utkface_folder):
    assert found(T2F_DATA=utkface_folder.parent)["datasets"].told == f"UTKFace in {utkface_folder.parent}"


def test_datasets_that_are_missing(found, tmp_path):
    assert "export T2F_DATA=FOLDER" in found()["datasets"].mend
    assert found(T2F_DATA=tmp_path / "nowhere")["datasets"].state == "wrong"
    (tmp_path / "empty").mkdir()
    assert found(T2F_DATA=tmp_path / "empty")["datasets"].state == "optional"


def test_variables_that_matter(found):
    told = found(T2F_PROGRESS="off", JAX_ENABLE_X64="false")["variables"].told
    assert "T2F_PROGRESS=off" in told and "T2F_CACHE=" in told and "X64" not in told


def test_a_disk_without_room(found, monkeypatch):
    monkeypatch.setattr(folders, "LEAST_ROOM", 2**70)
    assert found()["disk"].state == "optional"
