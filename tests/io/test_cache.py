"""Where copies and programs are kept."""

import pathlib

from t2f_jax.io import cache


def test_one_variable_or_the_users_cache_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("T2F_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.folder("programs") == tmp_path / ".cache" / "t2f_jax" / "programs"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.folder("programs") == tmp_path / "xdg" / "t2f_jax" / "programs"
    monkeypatch.setenv("T2F_CACHE", str(tmp_path / "own"))
    assert cache.folder("buckets") == tmp_path / "own" / "buckets" and not list(tmp_path.iterdir())
    monkeypatch.setenv("T2F_CACHE", "~/own")
    assert cache.folder("buckets") == pathlib.Path("~/own/buckets").expanduser()


def test_without_a_home_the_temporary_folder_is_taken(tmp_path, monkeypatch):
    for name in ("T2F_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda text: text)  # as Python does where no home is known
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    assert cache.folder("programs").parent.parent == tmp_path
    (tmp_path / "file").write_text("")
    assert cache.is_usable(tmp_path / "new") and not cache.is_usable(tmp_path / "file" / "new")


def test_a_name_that_jax_does_not_take_is_not_usable(tmp_path):
    assert not cache.is_usable(tmp_path / "caf\udce9")
