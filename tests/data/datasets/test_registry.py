import subprocess
import sys

import pytest

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import base, registry
from t2f_jax.errors import UserError

ROLES = ("adj", "has", "wears", "lacks", "is", "states", "place", "also")


def test_missing_folders_say_what_to_set(tmp_path, monkeypatch):
    monkeypatch.delenv("T2F_DATA", raising=False)
    with pytest.raises(UserError, match=r"where is CelebA\? set T2F_DATA .* or data.sources.faces.folder"):
        registry.open_source(SourceConfig(kind="celeba"), "faces")
    monkeypatch.setenv("T2F_DATA", str(tmp_path))
    with pytest.raises(UserError, match=r"UTKFace: no such folder .* set T2F_DATA .* or data.sources.u.folder"):
        registry.open_source(SourceConfig(kind="utkface"), "u")


def test_real_faces(real_data):
    faces = registry.open_source(SourceConfig(kind="celeba", folder=str(real_data / "CelebA")), "celeba")
    aged = registry.open_source(SourceConfig(kind="utkface", folder=str(real_data / "UTKFace")), "utkface")
    for source in (faces, aged):
        parts = [set(source.split(s)) for s in base.SPLITS]
        assert all(parts) and len(set.union(*parts)) == sum(map(len, parts))
        i = source.split("test")[0]
        image = source.image(i, 64, 0.8)
        assert image.shape == (64, 64, 3) and image.std() > 5
        for attribute in source.schema:
            assert str(source.fields(i)["attributes"][attribute.name]) in attribute.candidates()


@pytest.mark.parametrize("kind", registry.MODULES)
def test_every_entry_is_whole(kind):
    dataset = registry.find(kind)
    assert dataset.kind == kind
    for words in (dataset.title, dataset.size, dataset.licence, dataset.obtain):
        assert words and words == " ".join(words.split())
    assert bool(dataset.folder) + dataset.drawn + dataset.own == 1
    assert bool(dataset.citation) == bool(dataset.folder)
    assert bool(dataset.schema or dataset.captions) and bool(dataset.prompts) == (not dataset.own)
    names = {a.name for a in dataset.schema}
    for name, ways in dataset.phrases.items():
        assert name in names and all(way.split()[0] in ROLES for said in ways.values() for way in said)


@pytest.mark.parametrize("kind", registry.MODULES)
def test_sample_prompts_ask_for_what_the_faces_are_labelled_with(kind):
    dataset = registry.find(kind)
    for prompt in dataset.prompts:
        if " : " in prompt:
            pairs = [part.partition(" : ") for part in prompt.split(" , ")]
            answers = {a.name: a.answers() for a in dataset.schema}
            for name, is_pair, value in pairs:
                assert value in answers[name] if is_pair else any(name in texts for texts in answers.values())


def test_an_unknown_kind_names_key_and_known_kinds():
    message = r"'data\.sources\.drawn\.kind' must be one of synthetic, celeba, .*got 'CelebAA'; the nearest is 'celeba'"
    for call in (
        lambda: registry.open_source(SourceConfig(kind="CelebAA"), "drawn"),
        lambda: registry.weighted({"drawn": SourceConfig(kind="CelebAA")}),
    ):
        with pytest.raises(UserError, match=message) as caught:
            call()
        assert "\n" not in str(caught.value)


def test_sources_of_weight_zero_are_left_out():
    sources = {"a": SourceConfig(), "b": SourceConfig(kind="unheard of", weight=0), "c": SourceConfig(weight=2)}
    assert list(registry.weighted(sources)) == ["a", "c"]
    for none in ({}, {"b": SourceConfig(weight=0)}):
        with pytest.raises(UserError, match=r"no dataset: a config needs data\.sources\.<name> with a weight above 0"):
            registry.weighted(none)


def test_a_real_dataset_is_not_counted():
    with pytest.raises(UserError, match=r"data\.sources\.faces\.count=300: a celeba dataset is read whole"):
        registry.weighted({"faces": SourceConfig(kind="celeba", count=300)})
    assert registry.weighted({"drawn": SourceConfig(count=300)})["drawn"].count == 300


def test_columns_are_those_of_own_data():
    with pytest.raises(UserError, match=r"data\.sources\.faces\.columns: the columns of CelebA are known"):
        registry.weighted({"faces": SourceConfig(kind="celeba", columns="caption=text")})
    assert registry.weighted({"mine": SourceConfig(kind="own", columns="caption=text")})


def test_the_registry_alone_loads_no_dataset():
    code = "import sys; from t2f_jax.data.datasets import registry; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"tensorflow", "jax", "t2f_jax.data.datasets.celeba"} & set(loaded)
