import dataclasses
import shutil
import subprocess
import sys

import celeba_hq
import pytest

from t2f_jax.config.schema import Config, DataConfig, SourceConfig
from t2f_jax.data.datasets import base, registry
from t2f_jax.errors import UserError
from t2f_jax.io.framing import POINTS, Framing

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
        image = source.image(i, 64, Framing(0.8))
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
    with pytest.raises(
        UserError,
        match=r"data\.sources\.faces\.count=300: count is for drawn faces; a celeba dataset is read as a whole",
    ):
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


def test_alignment_needs_landmarks_of_some_source(celeba_folder, utkface_folder, capsys):
    faces = SourceConfig(kind="celeba", folder=str(celeba_folder))
    sources = {"faces": faces, "aged": SourceConfig(kind="utkface", folder=str(utkface_folder))}
    config = Config(data=DataConfig(resize="landmarks", sources=sources))
    with pytest.raises(UserError, match=r"data\.resize=landmarks: no face of faces, aged has landmarks; CelebA has"):
        registry.open_sources(config)
    columns = " ".join(f"{point}_{axis}" for point in POINTS for axis in "xy")
    row = "30 40 60 42 45 60 32 80 57 81"
    (celeba_folder / "list_landmarks_align_celeba.txt").write_text(f"{columns}\n000011.jpg {row}\n")
    assert list(registry.open_sources(config)) == ["faces", "aged"]
    assert "no landmarks in aged: these faces are cropped, not aligned" in capsys.readouterr().err


def test_one_partition_decides_over_all_sets_of_celebas_images(celeba_folder, tmp_path, monkeypatch):
    monkeypatch.delenv("T2F_DATA", raising=False)
    hq = celeba_hq.make(tmp_path / "here")
    (celeba_folder / "list_eval_partition.txt").write_text("".join(f"{k:06d}.jpg {int(k > 4)}\n" for k in range(1, 13)))
    moved = celeba_folder.rename(tmp_path / "far-away")
    with (moved / "list_eval_partition.txt").open("a") as file:
        file.write("162770.jpg 2\n")
    labels = moved / "list_attr_celeba.txt"
    lines = labels.read_text().splitlines()
    labels.write_text("\n".join(["13", *lines[1:], "162770.jpg" + lines[-1][10:]]) + "\n")
    shutil.copy(moved / "img_align_celeba/000001.jpg", moved / "img_align_celeba/162770.jpg")
    apart = SourceConfig(kind="celeba_hq", folder=str(hq))
    faces = SourceConfig(kind="celeba", folder=str(moved), weight=0.0)

    def split(**sources):
        opened = registry.open_sources(Config(data=DataConfig(sources=sources)))["hq"]
        return next(s for s in base.SPLITS for i in opened.split(s) if opened.id(i) == "0.jpg")

    assert split(hq=apart) == "train", "its number's, as published"
    assert split(faces=faces, hq=apart) == "test" == split(hq=dataclasses.replace(apart, celeba=str(moved)))
    with pytest.raises(UserError, match=r"data\.sources\.hq\.celeba: the faces of UTKFace are not CelebA's"):
        split(hq=SourceConfig(kind="utkface", folder=str(hq), celeba=str(moved)))
