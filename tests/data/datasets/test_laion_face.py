import io

import made_up
import numpy as np
import pytest
from PIL import Image

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import base, registry
from t2f_jax.errors import UserError


def open_web(folder, kind="laion_face"):
    return registry.open_source(SourceConfig(kind=kind, folder=str(folder)), "faces")


def test_samples_of_all_shards_are_read(tmp_path):
    source = open_web(made_up.make("laion_face", tmp_path / "LAION-Face"))
    assert source.id(0) == "split_00000/00000/000000000.png"
    assert source.fields(0) == {"attributes": {}, "captions": ["Jane Doe, 0"]} and source.fields(1)["captions"] == []
    whys = {each["id"]: each["why"] for each in source.skipped}
    assert whys["split_00001/00000/000000003.png"].startswith("its face_box is [9, 9, 9]; four numbers")
    assert whys["split_00001/00000/000000004.png"] == "its NSFW is 'NSFW'; UNLIKELY alone is read" and len(whys) == 4
    assert all(source.split(split) for split in base.SPLITS)


def test_a_box_is_one_of_the_photograph_before_it_was_resized(tmp_path):
    source = open_web(made_up.make("laion_face", tmp_path / "LAION-Face"))
    face = np.asarray(Image.open(io.BytesIO(source.original(2))))  # 10..20 of the resized one, and 40% on each side
    assert face.shape == (18, 18, 3) and source.signature(2).endswith("(6.0, 6.0, 24.0, 24.0)")
    assert source.image(2, 8)[..., 0].min() == source.image(2, 8)[..., 0].max() == 16


def test_sets_that_share_photographs_agree_on_their_splits(tmp_path):
    folder = made_up.make("laion_face", tmp_path / "LAION-Face")
    one, two = open_web(folder), open_web(folder, "facecaption")
    assert [one.split(split) for split in base.SPLITS] == [two.split(split) for split in base.SPLITS]


def test_a_folder_without_shards_says_how_to_get_them(tmp_path):
    with pytest.raises(UserError, match=r"no shard \(\.tar\) of img2dataset .* --save_additional_columns"):
        open_web(tmp_path, "facecaption")
