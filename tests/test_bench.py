"""The bench command: its rows are there, and its limits are limits."""

import json

from t2f_jax import bench


def test_machine_rows_and_json(tmp_path, capsys):
    rows = bench.run(None, tmp_path / "rows.json", "tokenizer_decode")
    assert [r.name for r in rows] == ["machine_matmul", "machine_read", "tokenizer_decode"]
    matmul, read, decode = (r.value for r in rows)
    assert 0.1 < matmul < 100_000 and 0.1 < read < 5000 and decode > 0  # GFLOP/s, GB/s, images/s: nothing folded away
    told = json.loads((tmp_path / "rows.json").read_text())
    assert set(told[0]) == {"name", "value", "unit", "baseline", "ratio", "share_of_limit"}
    assert "machine_read" in capsys.readouterr().out
