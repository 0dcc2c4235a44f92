"""`t2f bench`: a model and an answer in a bucket."""

import json
import os
import subprocess
import sys

import buckets

from t2f_jax import cli


def test_rows_are_printed_and_written(folder, bucket, capsys):
    buckets.put(folder, "gs://b/model")
    cli.main(["bench", "--model", "gs://b/model", "--only", "machine_read", "--json", "gs://b/bench/rows.json"])
    rows = json.loads(bucket["/b/bench/rows.json"].getvalue())
    assert [row["name"] for row in rows] == ["machine_matmul", "machine_read"] and all(row["value"] > 0 for row in rows)
    assert "machine_read" in capsys.readouterr().out


def test_rows_are_written_though_nobody_reads_them(tmp_path):
    """As `t2f bench --json rows.json | true`."""
    read, write = os.pipe()
    os.close(read)
    command = [
        sys.executable,
        "-m",
        "t2f_jax.cli",
        "bench",
        "--only",
        "machine_read",
        "--json",
        str(tmp_path / "rows.json"),
    ]
    command += ["--config", "quickstart:tiny"]
    try:
        done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (141, "")
    assert [row["name"] for row in json.loads((tmp_path / "rows.json").read_text())] == [
        "machine_matmul",
        "machine_read",
    ]
