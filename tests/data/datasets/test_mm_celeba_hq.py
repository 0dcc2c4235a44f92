import celeba_hq
import pytest

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import base, registry
from t2f_jax.errors import UserError


@pytest.fixture
def folder(tmp_path):
    celeba_hq.make(tmp_path, {0: ["Male"]})
    texts = tmp_path / "Multi-Modal-CelebA-HQ/text/celeba-caption"
    texts.mkdir(parents=True)
    for number in range(4):
        lines = [f"This man has sign {k}." for k in range(10)]
        (texts / f"{number}.txt").write_text("\n".join(lines) + "\n")
    return tmp_path / "Multi-Modal-CelebA-HQ"


def test_a_folder_may_be_told_from_where_one_is(folder, monkeypatch):
    monkeypatch.chdir(folder.parent.parent)
    source = open_mm(folder.relative_to(folder.parent.parent))
    assert source.image(0, 16).shape == (16, 16, 3) and sum(len(source.split(split)) for split in base.SPLITS) == 4


def open_mm(folder):
    return registry.open_source(SourceConfig(kind="mm_celeba_hq", folder=str(folder)), "mm")


def test_faces_have_captions_labels_and_celebas_splits(folder):
    source = open_mm(folder)
    assert [source.split(split) for split in base.SPLITS] == [[0], [1, 2], [3]]
    assert len(source.fields(0)["captions"]) == 10 and source.fields(0)["attributes"]["gender"] == "male"
    assert source.image(0, 16).shape == (16, 16, 3)
    assert [item["why"] for item in source.skipped] == [f"{n}.txt is absent: it has no caption" for n in (4, 5)]


def test_empty_lines_repeats_and_broken_signs_are_passed_over(folder):
    texts = folder / "text/celeba-caption"
    (texts / "0.txt").write_bytes("\ufeffShe smiles.\r\n\r\n  \nShe smiles.\nA\ufffd\ufffdwoman.\n".encode())
    (texts / "1.txt").write_bytes(b"He is caf\xe9.\n")
    (texts / "2.txt").write_text("\n\n")
    source = open_mm(folder)
    assert source.fields(0)["captions"] == ["She smiles.", "A woman."]
    assert source.fields(1)["captions"] == ["He is caf?."]
    assert source.skipped[0] == {"id": "2.jpg", "why": "2.txt is empty: it has no caption"}


def test_its_own_smaller_images_are_read_where_the_large_ones_are_absent(folder):
    hq = folder.parent / "CelebAMask-HQ"
    (folder / "image").mkdir()
    (hq / "CelebA-HQ-img").rename(folder / "image/images")
    assert len(open_mm(folder).split("train")) == 1


def test_without_captions_it_says_where_they_are_from(folder):
    (folder / "text/celeba-caption").rename(folder / "text/elsewhere")
    with pytest.raises(UserError, match=r"no text/celeba-caption.*IIGROUP/MM-CelebA-HQ-Dataset"):
        open_mm(folder)
