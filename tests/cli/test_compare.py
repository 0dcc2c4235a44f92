"""`t2f compare`: the table that it prints, what it writes, what it refuses."""

import json

import made_cards
import pytest

from t2f_jax import cli


@pytest.fixture
def cards(tmp_path):
    made_cards.published(tmp_path / "ours")
    made_cards.published(tmp_path / "theirs", worse=1.0, guidance=4.0)
    return [str(tmp_path / "ours"), str(tmp_path / "theirs" / "card.json")]


def test_cards_are_printed_side_by_side_and_written(cards, tmp_path, capsys):
    page, file = tmp_path / "c.html", tmp_path / "c.json"
    cli.main(["compare", *cards, "--out", str(page), "--json", str(file)])
    lines = capsys.readouterr().out.splitlines()
    age = next(line for line in lines if line.startswith("  attributes/age/mae"))
    assert "years  +1.00 (+1.00 to +1.00) worse" in age
    refused = lines.index("  refused of theirs: requests/seen: sampler.guidance: 2.0 | 4.0")
    assert lines[refused + 1] == "    if that is what you compare, add --varying sampler.guidance"
    assert lines[-3].endswith("although no difference is shown.") and "Holm" in lines[-4]
    assert lines[-2:] == [f"written: {page}", f"written: {file}"] and "theirs" in page.read_text()
    assert json.loads(file.read_text())["tables"][0]["part"] == "synthetic-faces"


def test_what_varies_is_compared(cards, capsys):
    cli.main(["compare", *cards, "--varying", "sampler"])
    assert "  sampler.guidance differs, as allowed: 2.0 | 4.0" in capsys.readouterr().out


def test_a_mistake_is_one_line(cards, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["compare", cards[0]])
    assert end.value.code == 2 and "give two or more" in capsys.readouterr().err
