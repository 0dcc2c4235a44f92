import json
import re
import types

import made_up
import numpy as np
import pytest

from t2f_jax import bundle
from t2f_jax.config.schema import Config, DataConfig, SourceConfig
from t2f_jax.config.typed import to_dict
from t2f_jax.errors import UserError
from t2f_jax.evaluation.figure import of_examples, with_intervals
from t2f_jax.experiments import reproduce, table_text
from t2f_jax.experiments.tables import TABLES


@pytest.fixture
def measured(monkeypatch):
    """Instead of measuring: {"figures": what is found, "calls": of `evaluate`, "trained": sources of the model}."""
    state = types.SimpleNamespace(figures={}, calls=[], trained={})

    def evaluate(model, out, overrides, data, split, **files):
        state.calls.append((list(overrides), list(data), split))
        options = {"unit": "", "better": "", "protocol": "made|version:1"}
        found = with_intervals([of_examples(name, np.full(4, v), **options) for name, v in state.figures.items()])
        return types.SimpleNamespace(parts=[types.SimpleNamespace(figure={f.name: f for f in found}.get)])

    def load(folder):
        sources = {name: SourceConfig(**values) for name, values in state.trained.items()}
        config = to_dict(Config(data=DataConfig(sources=sources)))
        return types.SimpleNamespace(hash="abc", provenance={"config": config})

    monkeypatch.setattr(reproduce.suite, "evaluate", evaluate)
    monkeypatch.setattr(reproduce, "publish", lambda out, title, evaluation, usage: None)
    monkeypatch.setattr(bundle, "load", load)
    monkeypatch.delenv("T2F_DATA", raising=False)
    return state


def test_a_setting_whose_data_is_there_gets_our_row(measured, tmp_path):
    measured.figures = {"attributes/age/range_accuracy": 0.5, "attributes/gender/accuracy": 0.9}
    folder = str(made_up.make("fairface", tmp_path / "FairFace"))
    rows = reproduce.reproduce(
        TABLES["age"], tmp_path / "model", tmp_path / "out", {"fairface": folder}, ["eval.faces=5"]
    )
    given = ["eval.generated=0", "eval.faces=5", "data.sources.fairface.partition="]  # no column is about drawn faces
    assert measured.calls == [(given, [f"fairface:{folder}"], "test")]
    assert rows["fairface"]["figures"]["gender"]["value"] == 0.9 and not rows["fairface"]["missing"]
    missing = rows["utkface-benchmark"]["missing"]
    assert missing.startswith(
        "UTKFace is not there; give --data utkface:DIR, or set T2F_DATA to the folder that holds UT"
    )

    text = table_text.write(TABLES["age"], rows, tmp_path / "out")
    lines = text.splitlines()
    assert "| **this model** | **50.00** (50.00 to 50.00) | **90.00** (90.00 to 90.00) | – | measured here |" in lines
    assert "No ethnicity: not among the figures that were measured." in lines
    assert "Our gender: `made|version:1`, n = 4." in lines
    assert any(line.startswith("| FairFace ResNet-34 | 59.7† | 94.2† | 93.7† | [") for line in lines)
    assert "| FaRL+MLP | 3.87 | [1] |" in lines
    assert (tmp_path / "out" / "table.md").read_text() == text
    assert json.loads((tmp_path / "out" / "table.json").read_text())["settings"][5]["ours"] == rows["fairface"]


def test_what_was_measured_is_not_measured_again(measured, tmp_path):
    measured.figures = {"attributes/accuracy": 0.8}
    given = (TABLES["attributes"], tmp_path / "model", tmp_path / "out")
    folders = {"celeba": str(made_up.make("celeba", tmp_path / "CelebA"))}
    first = reproduce.reproduce(*given, folders)
    assert reproduce.reproduce(*given, folders) == first and len(measured.calls) == 1
    reproduce.reproduce(*given, folders, ["eval.faces=3"])
    assert len(measured.calls) == 2
    assert "LFW" in first["lfwa"]["missing"]


@pytest.mark.parametrize(
    ("partition", "told"),
    [("", "the dataset's own rule"), ("age-benchmark-2", "no UTKFace"), (None, "no UTKFace")],
)
def test_a_model_is_not_measured_on_what_it_learned_from(measured, tmp_path, partition, told):
    if partition is not None:
        measured.trained = {"faces": {"kind": "utkface", "partition": partition}}
    folder = made_up.make("utkface", tmp_path / "UTKFace")
    rows = reproduce.reproduce(TABLES["age"], tmp_path / "model", tmp_path / "out", {"utkface": str(folder)})
    row = rows["utkface-benchmark"]
    assert not measured.calls and row["missing"]
    if partition == "":
        assert "its training faces may be among the test faces" in row["missing"]
        assert "partition=age-benchmark-0" in row["missing"] and told in row["missing"]
    else:  # the benchmark's file is not there
        assert row["partition"] == (partition or "age-benchmark-0") and "UTKFace.json" in row["missing"]


@pytest.mark.parametrize(
    ("folders", "overrides", "told"),
    [
        ({"celeba": "x"}, [], "--data celeba: table 'captions' reads celebatext_hq, face2text, mm_celeba_hq"),
        ({"face2text": "nowhere"}, [], "--data face2text:nowhere: no such folder; give that of Face2Text"),
        (
            {},
            ["data.sources.faces.weight=0"],
            "table 'captions' has the sources celebatext_hq, face2text, mm_celeba_hq",
        ),
    ],
)
def test_what_the_table_does_not_read_is_refused(measured, tmp_path, folders, overrides, told):
    with pytest.raises(UserError, match=re.escape(told)):
        reproduce.reproduce(TABLES["captions"], tmp_path, tmp_path / "out", folders, overrides)
    assert not (tmp_path / "out").exists()


def test_an_override_of_a_source_is_for_its_settings_alone(measured, tmp_path):
    folder = made_up.make("face2text", tmp_path / "there" / "Face2Text")
    (tmp_path / "there" / "CelebA").rename(tmp_path / "CelebA")
    place = f"data.sources.face2text.celeba={tmp_path / 'CelebA'}"
    given = (TABLES["captions"], tmp_path / "model", tmp_path / "out", {"face2text": str(folder)})
    assert "CelebA's images are not at" in reproduce.reproduce(*given)["face2text-captions"]["missing"]
    rows = reproduce.reproduce(*given, [place, "eval.faces=2"])
    assert [name for name, row in rows.items() if not row["missing"]] == ["face2text-captions"]
    given = ["eval.generated=0", place, "eval.faces=2", "data.sources.face2text.partition="]
    assert measured.calls == [(given, [f"face2text:{folder}"], "test")]


def test_faces_are_not_drawn_where_no_column_can_be_filled(measured, tmp_path):
    folder = made_up.make("mm_celeba_hq", tmp_path / "Multi-Modal-CelebA-HQ")
    given = (TABLES["faces"], tmp_path / "model", tmp_path / "out")
    (without,) = reproduce.reproduce(*given).values()
    assert without["missing"].startswith("Multi-Modal-CelebA-HQ is not there; give --data mm_celeba_hq:DIR")
    assert "FID: it needs pytorch-fid's Inception, pt_inception-2015-12-05-6726825d.pth from" in without["missing"]
    (without,) = reproduce.reproduce(*given, {"mm_celeba_hq": str(folder)}).values()
    assert without["missing"].startswith("FID: it needs pytorch-fid's Inception") and not measured.calls
    network = tmp_path / "inception.pth"
    network.write_bytes(b"")
    (row,) = reproduce.reproduce(*given, {"mm_celeba_hq": str(folder)}, networks=[network]).values()
    assert not row["missing"] and measured.calls[0][0] == ["data.sources.mm_celeba_hq.partition="]


def test_the_partition_may_be_chosen_where_the_model_did_not_learn_from_the_set(measured, tmp_path):
    folder = made_up.make("utkface", tmp_path / "UTKFace")
    entries = [
        {"img_path": f"UTKFace/{path.name}", "folder": n % 10} for n, path in enumerate(sorted(folder.iterdir()))
    ]
    (folder / "UTKFace.json").write_text(json.dumps(entries))
    given = (TABLES["age"], tmp_path / "model", tmp_path / "out", {"utkface": str(folder)})
    row = reproduce.reproduce(*given, ["data.sources.utkface.partition=age-benchmark-3"])["utkface-benchmark"]
    assert row["partition"] == "age-benchmark-3" and not row["missing"]
    measured.trained = {"faces": {"kind": "utkface", "partition": "age-benchmark-0"}}
    assert reproduce.reproduce(*given)["utkface-benchmark"]["partition"] == "age-benchmark-0"
    row = reproduce.reproduce(*given, ["data.sources.utkface.partition=age-benchmark-3"])["utkface-benchmark"]
    assert "its training faces may be among the test faces" in row["missing"]
