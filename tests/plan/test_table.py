from fake_compiler import compiled, stand_in

from t2f_jax import config
from t2f_jax.plan import step, table


def test_too_little_memory_is_told_with_what_takes_less(monkeypatch):
    stand_in(monkeypatch, lambda *_: compiled(temporary_bytes=14 * 2**30))
    text = table.format_plan(step.plan_step(config.load("talk2face_base"), "v5e:2x4", mesh="data=8"))
    assert "less than 15% spare; decoder.accumulate=8, decoder.model.remat=full or decoder.train.batch_size=512" in text
