"""The bench command: its rows are there, and its limits are limits."""

import json

from t2f_jax.bench import run, vqgan
from t2f_jax.config.schema import VQGANConfig


def test_machine_rows_and_json(tmp_path, capsys, monkeypatch):
    measure, small = vqgan.measure, VQGANConfig(resolution=16, ch=8, ch_mult=(1, 2), attn_resolutions=())
    monkeypatch.setattr(vqgan, "measure", lambda *args: measure(*args, config=small))
    rows = run.run(None, tmp_path / "rows.json", "vqgan_decode")
    assert [r.name for r in rows] == ["machine_matmul", "machine_read", "vqgan_decode"]
    matmul, read, decode = (r.value for r in rows)
    assert 0.1 < matmul < 100_000 and 0.1 < read < 5000 and decode > 0  # GFLOP/s, GB/s, seconds: nothing folded away
    told = json.loads((tmp_path / "rows.json").read_text())
    assert set(told[0]) == {"name", "value", "unit", "baseline", "ratio", "share_of_limit"}
    assert "machine_read" in capsys.readouterr().out
