import hypothesis
import pytest
from hypothesis import strategies as st

from t2f_jax.data.datasets import tables
from t2f_jax.errors import UserError


def rows(path, text, columns=(), encoding="utf-8", **options):
    path.write_bytes(text.encode(encoding))
    return list(tables.read_csv(path, columns, **options))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_rows_of_any_editor(tmp_path, encoding, end):
    text = end.join(["file, age,", "7.jpg,None,", "", '"a, b.jpg", 3 ,'])
    assert rows(tmp_path / "t.csv", text, ["file", "age"], encoding) == [
        (2, {"file": "7.jpg", "age": "None"}),
        (4, {"file": "a, b.jpg", "age": "3"}),
    ]


def test_other_delimiters(tmp_path):
    assert rows(tmp_path / "t.txt", "a\tb\n1\t2 3\t\n", ["b"], delimiter="\t") == [(2, {"a": "1", "b": "2 3"})]


@pytest.mark.parametrize(
    "text, message",
    [
        ("file,agee\n", r"t\.csv, line 1: no column 'age' \(is it 'agee'\?\); the header has file, agee"),
        ("", r"line 1: no column 'age'"),
        ("file,age\n1.jpg,2\n3.jpg\n", r"line 3: 1 cells, but the header names 2 columns"),
        ("file,age\n1.jpg,2,3\n", r"line 2: 3 cells"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        rows(tmp_path / "t.csv", text, ["age"])


@hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture], max_examples=50)
@hypothesis.given(data=st.binary())
def test_any_bytes_are_read_or_refused(tmp_path, data):
    (tmp_path / "t.csv").write_bytes(data)
    with pytest.raises(UserError, match=r"t\.csv"):
        list(tables.read_csv(tmp_path / "t.csv", ["a column that is not there"]))
