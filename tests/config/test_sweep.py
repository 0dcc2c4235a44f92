"""Sweeps: arms and seeds become checked configs; what is wrong is told with the arm's name."""

import pytest

from t2f_jax import config
from t2f_jax.errors import UserError
from t2f_jax.models import flops

FILE = """
from t2f_jax import config

def get_config(arg=""):
    c = config.shipped("quickstart", "tiny")
    c.decoder.train.steps = 5
    return c

def sweep(arg=""):
    return config.Sweep({})
"""


def write(folder, sweep):
    path = folder / "mine.py"
    path.write_text(FILE.format(sweep))
    return str(path)


def test_every_arm_is_trained_with_every_seed_and_seeds_come_in_turn(tmp_path):
    arms = 'arms=[config.Arm("causal", {"decoder.model.mask": "causal"}, "why")], seeds=(3, 4)'
    sweep, trials = config.load_sweep(write(tmp_path, arms), ["decoder.train.batch_size=4"])
    assert [trial.name for trial in trials] == ["baseline-3", "causal-3", "baseline-4", "causal-4"]
    assert [t.config.decoder.model.mask for t in trials] == ["prefix", "causal"] * 2
    assert [t.config.decoder.train.seed for t in trials] == [3, 3, 4, 4]
    assert {t.config.decoder.train.steps for t in trials} == {5} and trials[0].config.decoder.train.batch_size == 4
    assert sweep.figures == ("held_out/loss",) and trials[1].arm.note == "why"


def test_a_run_is_known_by_all_that_decides_its_weights(tmp_path):
    changes = {
        "same": {"decoder.model.mask": "prefix"},
        "often": {"decoder.train.eval_every": 7},
        "eval": {"eval.faces": 3},
        "other": {"decoder.model.layers": 3},
    }
    arms = f"arms=[config.Arm(name, changes) for name, changes in {changes}.items()], seeds=(0,)"
    path = write(tmp_path, arms)
    keys = {trial.arm.name: trial.key for trial in config.load_sweep(path)[1]}
    assert len({keys[name] for name in ("baseline", "same", "often", "eval")}) == 1
    assert keys["other"] != keys["baseline"]
    assert keys == {trial.arm.name: trial.key for trial in config.load_sweep(path)[1]}


def test_seeds_may_go_to_the_image_tokenizer_too(tmp_path):
    given = 'arms=[config.Arm("a", {})], seeds=(7,), seed_keys=("decoder.train.seed", "image.train.seed")'
    trial = config.load_sweep(write(tmp_path, given))[1][0]
    assert trial.config.image.train.seed == trial.config.decoder.train.seed == 7


def test_a_grid_has_an_arm_for_each_combination():
    arms = config.grid({"decoder.model.width": (64, 128), "decoder.model.mask": ("causal", "prefix")}, factor="size")
    assert [arm.name for arm in arms] == [
        "width=64,mask=causal", "width=64,mask=prefix", "width=128,mask=causal", "width=128,mask=prefix"
    ]  # fmt: skip
    assert arms[2].changes == {"decoder.model.width": 128, "decoder.model.mask": "causal"} and arms[2].factor == "size"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ('arms=[config.Arm("a", {"decoder.modl.mask": "causal"})]', "arm 'a': unknown config key 'decoder.modl.mask'"),
        ('arms=[config.Arm("a", {"decoder.model.mask": "round"})]', "arm 'a': .*must be one of prefix, causal"),
        ('arms=[config.Arm("a", {"decoder.model.heads": 7})]', "arm 'a': .*not a multiple of decoder.model.heads=7"),
        ('arms=[config.Arm("a b", {})]', "'a b' must have a name of letters"),
        ('arms=[config.Arm("a", {}), config.Arm("a", {})]', "two arms are called 'a'"),
        ('arms=[config.Arm("baseline", {})]', "two arms are called 'baseline'"),
        ("arms=[]", "a sweep needs at least one arm and one seed"),
        ('arms=[config.Arm("a", {})], seeds=(1, 1)', "no seed twice"),
        ("arm=[]", "mine.py, line 10: TypeError"),
        ("[]).arms  # (", "must return a config.Sweep"),
    ],
)
def test_what_is_wrong_is_told(given, told, tmp_path):
    with pytest.raises(UserError, match=told):
        config.load_sweep(write(tmp_path, given))


def test_a_config_without_a_sweep_is_told():
    with pytest.raises(UserError, match=r"quickstart\.py: a sweep defines sweep\(arg\); this one does not"):
        config.load_sweep("quickstart")


@pytest.mark.parametrize("name", ["ablations", "ablations:all", "ablations:faces"])
def test_the_ablations_that_are_shipped(name):
    sweep, trials = config.load_sweep(name)
    factors = {arm.factor or arm.name for arm in sweep.arms}
    assert {"mask", "loss", "positions", "caption templates", "one model for all tasks"} <= factors
    assert ":" not in name or {"codebook", "factor", "task mixture"} <= factors
    assert len(sweep.seeds) == 3 and len({trial.key for trial in trials}) == len(trials)
    specialists = [t for t in trials if t.arm.factor == "one model for all tasks" and t.seed == 0]
    steps = sum(trial.config.decoder.train.steps for trial in specialists)
    assert steps == pytest.approx(trials[0].config.decoder.train.steps, rel=0.01), "together the joint model's budget"
    for trial in specialists:
        tasks = trial.config.decoder.tasks
        assert sorted((tasks.to_image, tasks.to_caption, tasks.to_attributes)) == [0, 0, 1]


def test_the_sizes_that_are_shipped_share_the_ablations_baseline():
    sweep, trials = config.load_sweep("scaling")
    sizes = {flops.parameters(trial.config.decoder.model, 700) for trial in trials}
    assert sweep.law and len(sizes) == 5 and max(sizes) > 10 * min(sizes)
    assert trials[0].key == config.load_sweep("ablations")[1][0].key
