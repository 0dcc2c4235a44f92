import hashlib

import pytest
from faces import own_faces, picture
from PIL import ImageOps

from t2f_jax.config.schema import DataConfig, SourceConfig
from t2f_jax.data import opt_out, pixels
from t2f_jax.data.datasets import registry
from t2f_jax.errors import UserError


@pytest.fixture
def mine(tmp_path):
    own_faces(tmp_path / "mine", 6)
    return tmp_path / "mine"


def read(mine, tmp_path, lines, **config):
    (tmp_path / "list.txt").write_text("# who asked to be left out\n\n" + "\n".join(lines) + "\n")
    source = registry.open_source(SourceConfig(kind="own", folder=str(mine)), "mine")
    config = DataConfig(image_size=32, opt_out=str(tmp_path / "list.txt"), **config)
    return pixels.read_images(source, "train", config, tmp_path / "cache")


@pytest.mark.parametrize("kind", ["md5", "sha1", "sha256"])
def test_a_file_is_left_out_by_its_hash(kind, mine, tmp_path):
    digest = hashlib.new(kind, (mine / "train3.jpg").read_bytes()).hexdigest()
    images = read(mine, tmp_path, [f"{digest.upper()}  train3.jpg", "0" * 40])
    assert images.ids == [f"train{k}.jpg" for k in (0, 1, 2, 4, 5)]
    ((left_out),) = images.skipped
    assert left_out["id"] == "train3.jpg" and f"list.txt names its {kind} {digest}" in left_out["why"]


@pytest.mark.parametrize("crop", [1.0, 0.7])
def test_copies_of_a_picture_are_left_out_by_what_it_looks_like(crop, mine, tmp_path):
    picture(1, side=200).save(tmp_path / "theirs.png")
    ImageOps.mirror(picture(1)).save(mine / "train4.jpg", quality=60)
    images = read(mine, tmp_path, [opt_out.picture_line(tmp_path / "theirs.png")], crop=crop)
    assert images.ids == [f"train{k}.jpg" for k in (0, 2, 3, 5)]
    assert all("names the picture, or one that it is a copy of" in item["why"] for item in images.skipped)


def test_another_list_is_another_cache_and_an_empty_one_is_none(mine, tmp_path):
    key = read(mine, tmp_path, []).key
    source = registry.open_source(SourceConfig(kind="own", folder=str(mine)), "mine")
    assert key == pixels.pixels_key(source, "train", DataConfig(image_size=32))
    assert key != read(mine, tmp_path, ["0" * 64]).key != read(mine, tmp_path, ["1" * 64]).key


@pytest.mark.parametrize("line", ["train3.jpg", "abc", "picture:12", "picture:" + "a" * 32, "0" * 41])
def test_a_line_without_a_hash_is_named(line, mine, tmp_path):
    with pytest.raises(UserError, match=r"list\.txt, line 3: '.*' (should be|is not a hash)"):
        read(mine, tmp_path, [line])


def test_a_missing_list_is_named(mine, tmp_path):
    source = registry.open_source(SourceConfig(kind="own", folder=str(mine)), "mine")
    with pytest.raises(UserError, match=r"no readable opt-out list \(data\.opt_out\)"):
        pixels.pixels_key(source, "train", DataConfig(opt_out=str(tmp_path / "none.txt")))
