import pytest
from fake_compiler import HLO, compiled, stand_in

from t2f_jax import config
from t2f_jax.distributed import chips
from t2f_jax.errors import UserError
from t2f_jax.plan import search, table, workload


def test_the_search_ranks_what_fits():
    base, chip = config.load("talk2face_base"), chips.CHIPS["TPU v5 lite"]
    shapes = search.mesh_shapes(12, 16, 1)
    ranked = search.rank_all(base, workload.sample(base), shapes, chip, (512, 1024))
    assert len(shapes) == 5 + 4 + 3 and len(ranked) > 5 and [r.score for r in ranked] == sorted(r.score for r in ranked)
    assert all(r.bounds.memory < chip.hbm_bytes * 0.85 for r in ranked)
    assert {r.choice.rows for r in ranked} == {512, 1024}
    assert ranked[0].choice.shape["data"] == 16  # weights that need no cutting are not cut
    tried = search.worth_compiling(ranked, ranked[3], 3)
    assert tried[:2] == [ranked[3].choice, ranked[0].choice] and len({c.remat for c in tried[1:]}) == 3


def test_the_search_names_the_configs_own_and_survives_what_does_not_compile(monkeypatch, capsys):
    def compile_step(run, *_):
        if run.model.remat == "dots":
            raise UserError("out of memory")
        return compiled(HLO if run.model.remat == "mlp" else "")

    stand_in(monkeypatch, compile_step)
    plans = search.compile_best(config.load("talk2face_base"), "v5e:2x4", 1, best=4)
    assert any(line.endswith("out of memory") for line in capsys.readouterr().err.splitlines())
    assert plans[0].plan.setup.remat == "mlp" and plans[-1].plan.program.compiler_seconds is None
    assert sum(p.own for p in plans) == 1 and table.format_search(plans).count("the config as it is") == 1
    assert [p.to_json()["own"] for p in plans] == [p.own for p in plans]
    with pytest.raises(UserError, match="nothing that was tried compiles"):
        monkeypatch.setattr(search, "REMATS", ("dots",))
        search.compile_best(config.load("talk2face_base", ["decoder.model.remat=dots"]), "v5e:2x4", 1)
