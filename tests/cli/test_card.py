"""`t2f data card` and `t2f data hash`."""

import json

from faces import picture

from t2f_jax import cli
from t2f_jax.data import opt_out


def test_a_store_becomes_a_page(store_folder, tmp_path, capsys):
    cli.main(["data", "card", str(store_folder), "--out", str(tmp_path / "card.html")])
    assert capsys.readouterr().out.strip() == str(tmp_path / "card.html")
    page = (tmp_path / "card.html").read_text()
    assert "Data card of store" in page and "100 faces of 2 datasets" in page


def test_pictures_are_hashed_a_line_each(tmp_path, capsys):
    for k in range(2):
        picture(k).save(tmp_path / f"{k}.png")
    cli.main(["data", "hash", str(tmp_path / "0.png"), str(tmp_path / "1.png"), "--json", str(tmp_path / "h.json")])
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"{opt_out.picture_line(tmp_path / f'{k}.png')}  {tmp_path / f'{k}.png'}" for k in range(2)]
    assert lines[0].startswith("picture:") and lines[0] != lines[1]
    hashes = json.loads((tmp_path / "h.json").read_text())
    assert [f"{hash_}  {file}" for file, hash_ in hashes.items()] == lines
