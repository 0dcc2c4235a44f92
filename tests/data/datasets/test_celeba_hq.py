import celeba_hq
import pytest

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import base, celeba, registry
from t2f_jax.errors import UserError


def open_hq(folder):
    return registry.open_source(SourceConfig(kind="celeba_hq", folder=str(folder)), "hq")


def splits(source):
    return {source.id(i): split for split in base.SPLITS for i in source.split(split)}


def test_faces_have_celebas_labels_and_celebas_splits(tmp_path, monkeypatch):
    monkeypatch.delenv("T2F_DATA", raising=False)
    source = open_hq(celeba_hq.make(tmp_path, {1: ["Male", "Smiling"]}))
    assert splits(source) == {f"{n}.jpg": split for n, split in enumerate(celeba_hq.SPLITS)}
    known = source.fields(1)["attributes"]
    assert known["gender"] == "male" and known["smiling"] == "yes" and known["bald"] == "no" and len(known) == 40
    assert source.schema == celeba.SCHEMA and source.image(0, 16).shape == (16, 16, 3)


@pytest.mark.parametrize("place", ["CelebA/Eval", "CelebA", "CelebAMask-HQ"])
def test_celebas_own_file_decides_where_it_is(tmp_path, monkeypatch, place):
    monkeypatch.delenv("T2F_DATA", raising=False)
    hq = celeba_hq.make(tmp_path)
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    (tmp_path / place / "list_eval_partition.txt").write_text("162770.jpg 2\n000005.jpg 1\n000006.jpg 0\n")
    found = splits(open_hq(hq))
    assert found["0.jpg"] == "test" and found["4.jpg"] == "validation" and found["1.jpg"] == "validation"


def test_an_image_that_is_absent_or_without_labels_is_left_out(tmp_path):
    hq = celeba_hq.make(tmp_path)
    (hq / "CelebA-HQ-img/3.jpg").unlink()
    labels = hq / "CelebAMask-HQ-attribute-anno.txt"
    lines = labels.read_text().splitlines()
    labels.write_text("\n".join(["5", *lines[1:-1]]) + "\n")
    source = open_hq(hq)
    assert "3.jpg" not in splits(source) and "5.jpg" not in splits(source) and len(splits(source)) == 4
    assert {item["id"]: item["why"] for item in source.skipped} == {
        "3.jpg": "CelebA-HQ-img/3.jpg: no such file",
        "5.jpg": "it has no row in the file of labels",
    }


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0 000002.jpg", r"line 8: image 0 has two rows"),
        ("6 x", r"line 8: '6 x' should be two numbers and a name"),
    ],
)
def test_a_broken_mapping_is_named(tmp_path, line, message):
    hq = celeba_hq.make(tmp_path)
    with (hq / "CelebA-HQ-to-CelebA-mapping.txt").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(UserError, match=message):
        open_hq(hq)
    (hq / "CelebA-HQ-to-CelebA-mapping.txt").write_text("0 0 000001.jpg\n")
    with pytest.raises(UserError, match=r"line 1: the columns should be idx orig_idx orig_file"):
        open_hq(hq)


def test_what_is_missing_is_named_with_the_way_to_get_it(tmp_path):
    hq = celeba_hq.make(tmp_path)
    (hq / "CelebA-HQ-to-CelebA-mapping.txt").unlink()
    with pytest.raises(UserError, match=r"no CelebA-HQ-to-CelebA-mapping\.txt.*switchablenorms/CelebAMask-HQ"):
        open_hq(hq)
