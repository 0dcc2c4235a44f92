"""`t2f bench`: a model and an answer in a bucket."""

import json

import buckets

from t2f_jax import cli


def test_rows_are_printed_and_written(folder, bucket, capsys):
    buckets.put(folder, "gs://b/model")
    cli.main(["bench", "--model", "gs://b/model", "--only", "machine_read", "--json", "gs://b/bench/rows.json"])
    rows = json.loads(bucket["/b/bench/rows.json"].getvalue())
    assert [row["name"] for row in rows] == ["machine_matmul", "machine_read"] and all(row["value"] > 0 for row in rows)
    assert "machine_read" in capsys.readouterr().out
