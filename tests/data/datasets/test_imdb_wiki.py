import made_up
import pytest

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import base, registry
from t2f_jax.errors import UserError


def open_wiki(folder):
    return registry.open_source(SourceConfig(kind="imdb_wiki", folder=str(folder)), "faces")


def test_ages_come_from_dates_and_what_cannot_be_true_is_listed(tmp_path):
    source = open_wiki(made_up.make("imdb_wiki", tmp_path / "IMDB-WIKI"))
    faces = [source.fields(i)["attributes"] for split in base.SPLITS for i in source.split(split)]
    assert len(faces) == 2 * (made_up.PEOPLE + 1) and {face["age"] for face in faces} == {41}
    assert source.fields(1)["attributes"]["gender"] == "male" and source.fields(2)["attributes"]["gender"] == "female"
    assert sum("gender" not in face for face in faces) == 2
    whys = [each["why"] for each in source.skipped if each["id"].startswith("wiki_crop/")]
    assert whys[0] == "its dates give an age of -31" and whys[1] == "its dates give an age of 2013"
    assert "score of the face is -inf" in whys[2] and "no face" in whys[3] and "second face" in whys[4]
    assert len(whys) == 6 and source.image(0, 16).shape == (16, 16, 3)


def test_people_whom_imdb_clean_holds_out_are_held_out(tmp_path):
    folder = made_up.make("imdb_wiki", tmp_path / "IMDB-WIKI")
    before = open_wiki(folder)
    i = before.split("train")[0]
    name = before.id(i).removeprefix("imdb_crop/")
    made_up.write_csv(folder / "csvs/imdb_test_new_1024.csv", [["filename", "age"], [name, 41]])
    after = open_wiki(folder)
    assert i in after.split("test") and set(after.split("train")) == set(before.split("train")) - {i}


def test_one_part_is_enough_and_a_cut_table_is_named(tmp_path):
    folder = made_up.make("imdb_wiki", tmp_path / "IMDB-WIKI")
    (folder / "imdb_crop/imdb.mat").unlink()
    assert open_wiki(folder).id(0).startswith("wiki_crop/")
    table = folder / "wiki_crop/wiki.mat"
    table.write_bytes(table.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"wiki\.mat: no readable table of faces with dob, .* take the archive again"):
        open_wiki(folder)
    table.unlink()
    with pytest.raises(UserError, match=r"no imdb_crop/imdb\.mat or wiki_crop/wiki\.mat, which IMDB-WIKI needs"):
        open_wiki(folder)
