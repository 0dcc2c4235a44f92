"""Where copies and programs are kept."""

import pathlib

from t2f_jax.io import cache


def test_one_variable_or_the_users_cache_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("T2F_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(pathlib.Path, "home", lambda: tmp_path)
    assert cache.folder("programs") == tmp_path / ".cache" / "t2f_jax" / "programs"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.folder("programs") == tmp_path / "xdg" / "t2f_jax" / "programs"
    monkeypatch.setenv("T2F_CACHE", str(tmp_path / "own"))
    assert cache.folder("buckets") == tmp_path / "own" / "buckets" and not list(tmp_path.iterdir())
    monkeypatch.setenv("T2F_CACHE", "~/own")
    assert cache.folder("buckets") == pathlib.Path("~/own/buckets").expanduser()
