"""Configs: defaults, overrides, and errors that name the nearest right key."""

import pathlib
import re

import pytest
import small_model

from t2f_jax import bundle, config
from t2f_jax.config import loader, typed
from t2f_jax.errors import UserError


def test_every_shipped_config_loads_and_round_trips():
    names = [p.stem for p in (pathlib.Path(__file__).parents[2] / "configs").glob("*.py") if p.stem != "__init__"]
    assert {"quickstart", "faces", "talk2face_base"} <= set(names)
    for name in names:
        loaded = config.load(name)
        assert typed.from_dict(config.Config, typed.to_dict(loaded)) == loaded


def test_overrides_keep_types_and_narrow_numbers():
    loaded = config.load(
        "quickstart",
        [
            "decoder.train.steps=7",
            "decoder.optim.learning_rate=1",
            "image.model.attn_resolutions=(8, 16)",
            "data.flip=true",
            "name=123",
        ],
    )
    assert loaded.decoder.train.steps == 7
    assert loaded.decoder.optim.learning_rate == 1.0 and isinstance(loaded.decoder.optim.learning_rate, float)
    assert loaded.image.model.attn_resolutions == (8, 16)
    assert loaded.data.flip is True
    assert loaded.name == "123"


def test_own_faces_are_trained_on_with_the_structure_of_a_model(tmp_path):
    bundle.save(tmp_path / "model", small_model.make_bundle())
    model = bundle.load(tmp_path / "model")
    own = config.load(f"own:{tmp_path / 'model'}", ["data.sources.own.folder=photos"])
    assert own.decoder.init_from == str(tmp_path / "model") and list(own.data.sources) == ["own"]
    bundle.check_structure(model, own.decoder.model)
    assert own.image.model == model.image_tokenizer.config and own.data.image_size == own.image.model.resolution
    assert own.decoder.sequence_length == model.run_config.sequence_length
    assert own.decoder.optim.learning_rate == model.run_config.optim.learning_rate / 5
    anew = config.load("own")
    assert anew.decoder.model == config.load("faces").decoder.model and anew.data.sources["own"].kind == "own"
    with pytest.raises(UserError, match=r"nowhere.*config\.json of a model folder is missing"):
        config.load("own:nowhere")


def test_an_argument_reaches_the_config():
    assert config.load("quickstart:tiny").decoder.train.steps < config.load("quickstart").decoder.train.steps


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("decoder.train.stepps=5", "unknown config key 'decoder.train.stepps'; the nearest is 'decoder.train.steps'"),
        ("decoder.train.steps=many", "'decoder.train.steps' must be of type int, got 'many'"),
        ("decoder.train.steps=1.5", "'decoder.train.steps' must be of type int, got 1.5"),
        ("decoder.model.norm=batchnorm", "'decoder.model.norm' must be one of talk2face, layernorm, rmsnorm"),
        ("decoder.train.steps", "is not an override; write key=value"),
        (f"decoder.train.steps={'-' * 10000}1", "'decoder.train.steps' must be of type int, got '-----"),
    ],
)
def test_a_mistake_is_one_clear_line(override, told):
    with pytest.raises(UserError, match=told.replace("(", r"\(")) as caught:
        config.load("quickstart", [override])
    assert "\n" not in str(caught.value)


def test_plain_values_and_config_dicts_are_narrowed_and_checked():
    values = loader.base_config()
    assert loader.narrow(values) == loader.narrow(values.to_dict()) == config.Config()
    config.override(values, ["decoder.model.heads=5"])
    with pytest.raises(UserError, match=r"not a multiple of decoder\.model\.heads=5"):
        loader.narrow(values)
    with pytest.raises(UserError, match="must hold named values"):
        loader.narrow(7)


def test_a_typo_inside_a_config_file_names_file_and_nearest_key(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from t2f_jax import config\n"
        "def get_config(arg):\n  c = config.base_config()\n  c.decoder.optm.b1 = 0.5\n  return c\n"
    )
    with pytest.raises(UserError, match=r"mine\.py.*optim"):
        config.load(str(path))


def test_a_config_may_lie_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "mine.py").touch()
    assert loader.find("~/mine.py") == tmp_path / "mine.py"


@pytest.mark.parametrize("name", ["quickstart", "faces", "talk2face_base", "talk2face_1b", "talk2face_7b"])
def test_an_unknown_argument_of_a_shipped_config_is_refused(name):
    with pytest.raises(UserError, match=r"the config's argument 'tyni' \(after ':'\) is unknown; it takes .*none"):
        config.load(f"{name}:tyni")


def test_a_missing_config_lists_those_there_are():
    with pytest.raises(UserError, match=r"no config 'quickstrat'.*quickstart"):
        config.load("quickstrat")


def test_a_config_file_without_get_config_is_refused(tmp_path):
    path = tmp_path / "empty.py"
    path.write_text("x = 1\n")
    with pytest.raises(UserError, match="defines get_config"):
        config.load(str(path))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def get_config(arg:\n", "line 1: SyntaxError"),
        ("x = 1\nraise RuntimeError('no luck')\n", "line 2: RuntimeError: no luck"),
        ("import a_package_that_is_not_there\n", "line 1: ModuleNotFoundError"),
        ("def get_config():\n  return 1\n", "TypeError"),
        ("def get_config(arg):\n  return None\n", "must return a ConfigDict"),
        ("import sys\nsys.exit(0)\n", "line 2: SystemExit"),
        (
            "from t2f_jax import config\ndef get_config(arg):\n"
            "  c = config.base_config()\n  config.source(c, 'd', cuont=3)\n  return c\n",
            "unknown config key 'cuont'; the nearest is 'count'",
        ),
    ],
)
def test_a_broken_config_file_is_one_line_that_names_it(tmp_path, text, told, monkeypatch):
    path = tmp_path / "broken.py"
    path.write_text(text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=re.escape(told)):
        config.load("broken.py")
    with pytest.raises(UserError, match=re.escape(told)) as caught:
        config.load(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "override",
    [
        "image.train.steps=0",
        "decoder.train.batch_size=-1",
        "image.optim.learning_rate=-1.0",
        "decoder.model.dropout=2.0",
        "decoder.model.heads=0",
        "image.model.patch=0",
        "data.jitter=5.0",
        "data.seed=-1",
        "data.sources.drawn.weight=-1.0",
        "data.sources.drawn.weight=1e400",
        "eval.guidance_scales=(1.0, -1.0)",
        "eval.batch_size=0",
        "decoder.tasks.caption_share=3.0",
    ],
)
def test_impossible_numbers_are_refused_with_their_range(override):
    with pytest.raises(UserError, match="must lie between"):
        config.load("quickstart", [override])


def test_a_group_is_no_value():
    with pytest.raises(UserError, match=r"'decoder\.train' is a group; name a value in it"):
        config.load("quickstart", ["decoder.train=3"])
