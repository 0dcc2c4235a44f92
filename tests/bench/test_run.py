"""The bench's rows: they are there, and its limits are limits."""

from t2f_jax.bench import run, vqgan
from t2f_jax.config.schema import VQGANConfig


def test_the_machines_rows_and_those_that_were_named(monkeypatch):
    measure, small = vqgan.measure, VQGANConfig(resolution=16, ch=8, ch_mult=(1, 2), attn_resolutions=())
    monkeypatch.setattr(vqgan, "measure", lambda *args: measure(*args, config=small))
    rows = list(run.measure(None, "vqgan_decode"))
    assert [r.name for r in rows] == ["machine_matmul", "machine_read", "vqgan_decode"]
    matmul, read, decode = (r.value for r in rows)
    assert 0.1 < matmul < 100_000 and 0.1 < read < 5000 and decode > 0  # GFLOP/s, GB/s, seconds: nothing folded away
