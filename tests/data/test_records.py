import json

import numpy as np
import pytest

from t2f_jax.data import records
from t2f_jax.data.records import RecordFields, Records
from t2f_jax.errors import UserError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "records.jsonl"


def test_records_hold_any_text(path):
    path.write_text('{"id": "é\\n"}\n{"id": "b"}\n', encoding="utf-8")
    found = Records(path)
    assert len(found) == 2 and found[0] == {"id": "é\n"} and found[-1] == {"id": "b"}
    with pytest.raises(IndexError):
        found[2]
    path.write_text("")
    assert len(Records(path)) == 0


def test_what_one_parser_refuses_the_other_reads(path):
    path.write_bytes(b'\xef\xbb\xbf{"id": "\\udce9", "size": 1e999}\n{"id": NaN}\n')
    assert Records(path)[:] == [{"id": "\udce9", "size": None}, {"id": None}]


def test_an_index_saves_counting_lines(path, monkeypatch):
    path.write_text("".join(json.dumps({"id": str(k), "fields": "é" * k}) + "\n" for k in range(50)))
    plain = Records(path)[:]
    records.write_index(path)
    assert np.load(path.with_suffix(records.INDEX)).tolist()[:2] == [0, len(json.dumps(plain[0])) + 1]
    monkeypatch.setattr(records, "_line_starts", lambda _: pytest.fail("lines were counted"))
    assert Records(path)[:] == plain


@pytest.mark.parametrize("chunk", [1, 3, 1 << 22])
def test_lines_are_counted_across_chunks(path, monkeypatch, chunk):
    monkeypatch.setattr(records, "_CHUNK", chunk)
    path.write_bytes(b"{}\n\n12\n")
    assert len(Records(path)) == 3


@pytest.mark.parametrize("damage", [b"", b"no array", b"\x93NUMPY\x01\x00"])
def test_an_index_that_does_not_fit_is_not_used(path, damage):
    path.write_bytes(b'{"id": "a"}\n')
    records.write_index(path)
    path.write_bytes(b'{"id": "a"}\n{"id": "b"}\n')
    assert Records(path)[1] == {"id": "b"}
    path.with_suffix(records.INDEX).write_bytes(damage)
    assert Records(path)[1] == {"id": "b"}


def test_a_broken_line_is_named(path):
    path.write_bytes(b'{"fields": {"attributes": {"age": 3.5}, "captions": []}}\n[]\n{"fields"\n')
    found = Records(path)
    with pytest.raises(UserError, match=r"records\.jsonl, line 1: a broken record \(an attribute that is neither"):
        RecordFields(found)[0]
    with pytest.raises(UserError, match=r"line 2: a broken record \(no JSON object\)"):
        found[1]
    with pytest.raises(UserError, match=r"line 3: a broken record"):
        found[-1]
