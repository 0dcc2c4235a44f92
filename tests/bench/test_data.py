"""Rows for data: all of them are there, from a store that is made for them."""

import numpy as np
import pytest

from t2f_jax import cli
from t2f_jax.bench import data, jpegs, made_store
from t2f_jax.data import bare_decoding


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return made_store.make(tmp_path_factory.mktemp("made") / "store", 300)


def test_a_made_store_is_as_large_as_asked_for(store):
    codes, fields = store.codes("made", "train"), store.fields("made", "train")
    assert codes.shape == (300, 1, 256) and codes.max() < made_store.CODEBOOK and len(np.unique(codes)) > 1000
    assert len(fields) == 300 and len(fields[7]["attributes"]) == 40
    assert 100 < sum(len(face["captions"]) for face in fields) < 200


def test_every_row_is_measured(store, monkeypatch):
    monkeypatch.setattr(jpegs, "PIXELS", 1)
    monkeypatch.setattr(jpegs, "TURNS", 1)
    monkeypatch.setattr(data, "BATCH", 8)
    for module in (data, jpegs):
        monkeypatch.setattr(module, "cores", lambda: 1)
    monkeypatch.setattr(bare_decoding, "decode_jpegs", lambda paths, threads: len(paths))
    rows = {row.name: row for row in data.measure(store.folder, seconds=0.1)}
    speeds = ["data_rows_one", "data_rows_core", "data_rows_1", "data_cores_1"]
    decoding = ["data_jpeg", "data_jpeg_64", "data_dct_64", "data_jpeg_1024", "data_dct_1024"]
    assert list(rows) == ["data_open", *speeds, "data_memory", "data_first", *decoding]
    assert all(row.value > 0 for row in rows.values())


@pytest.mark.parametrize("arguments", [["data", "--only", "x"], ["model", "--faces", "9"], ["--store", "."]])
def test_a_flag_that_says_nothing_is_refused(arguments, capsys):
    with pytest.raises(SystemExit):
        cli.main(["bench", *arguments])
    assert "has no effect on `t2f bench" in capsys.readouterr().err
