"""The record of a run: what was written comes back, and a resumed run's is the uninterrupted one's."""

import json
import pathlib
import tempfile

import damage
import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from t2f_jax.io import metrics
from t2f_jax.training import goodput


def write(out, steps, start=0):
    writer = metrics.Writer(out, start)
    for step in range(start + 1, steps + 1):
        writer.train(step, {"loss": 1 / step, "seconds": 0.1})
        if step % 2 == 0:
            writer.evaluation(step, {"loss": 0.5 / step})
    writer.close()


def test_rows_come_back_as_written(tmp_path):
    write(tmp_path, 4)
    rows = metrics.read(tmp_path / "metrics.jsonl")
    assert [r["loss"] for r in metrics.train_rows(rows)] == [1 / 1, 1 / 2, 1 / 3, 1 / 4]
    assert metrics.eval_rows(rows) == [{"step": 2, "loss": 0.25}, {"step": 4, "loss": 0.125}]
    assert list((tmp_path / "tensorboard").iterdir())


@pytest.mark.parametrize("half", ["", '{"step": 6, "lo', '{"step": 6, "loss": 1.0}'])
def test_resuming_cuts_later_lines_and_a_half_written_one(tmp_path, half):
    write(tmp_path, 5)
    path = tmp_path / "metrics.jsonl"
    with path.open("a") as file:
        file.write(half)
    write(tmp_path, 6, start=2)
    again = path.read_text()
    path.unlink()
    write(tmp_path, 6)
    assert path.read_text() == again
    assert sorted(p.name for p in tmp_path.iterdir()) == ["metrics.jsonl", "tensorboard"]


def test_not_a_number_stays_valid_json(tmp_path):
    writer = metrics.Writer(tmp_path)
    writer.train(1, {"loss": 1.0, "accuracy": float("nan")})
    writer.close()
    assert json.loads((tmp_path / "metrics.jsonl").read_text()) == {"step": 1, "loss": 1.0, "accuracy": None}


def test_what_a_power_loss_leaves_is_dropped_with_a_word(tmp_path, capsys):
    write(tmp_path, 5)
    path = tmp_path / "metrics.jsonl"
    whole = metrics.read(path)
    path.write_bytes(path.read_bytes() + b"\0\0\0\n[1]\n\xff\n")
    assert metrics.read(path) == whole
    write(tmp_path, 8, 5)
    assert "3 broken lines were dropped" in capsys.readouterr().err
    rows = metrics.read(path)
    assert [row["step"] for row in metrics.train_rows(rows)] == list(range(1, 9))
    assert path.read_bytes().count(b"\n") == len(rows)


NO_ROWS = [
    '{"step": 2, "loss": "low"}',
    '{"step": 2, "loss": true}',
    '{"step": 1%s, "loss": 1}' % (400 * "0"),
    '{"step": 2, "eval": {"loss": [1]}}',
    '{"step": 2, "goodput": {"wall": 1}}',
    '{"step": 2, "time": 1, "goodput": {"share": 1}}',
    '{"step": 2.5, "loss": 1}',
]


@pytest.mark.parametrize("line", NO_ROWS)
def test_what_holds_no_numbers_is_no_row(tmp_path, line):
    (tmp_path / "metrics.jsonl").write_text(line + '\n{"step": 3, "loss": NaN}\n')
    assert metrics.read(tmp_path / "metrics.jsonl") == [{"step": 3, "loss": None}]


@hypothesis.given(st.binary())
def test_any_bytes_are_read_as_the_rows_among_them(data):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "metrics.jsonl"
        path.write_bytes(b'{"step": 1, "loss": 2.0}\n' + data + b'\n{"step": 2, "loss": 1.0}\n')
        rows = metrics.read(path)
    assert rows[0] == {"step": 1, "loss": 2.0} and rows[-1] == {"step": 2, "loss": 1.0}


@hypothesis.settings(max_examples=100, deadline=None)
@hypothesis.given(data=st.data())
def test_whatever_stands_in_a_row_a_run_goes_on(data):
    rows = [
        {"step": 1, "loss": 2.0, "loss_to_image": None, "seconds": 0.1},
        {"step": 1, "eval": {"loss": 1.5}},
        {"step": 1, "time": 1.0, "goodput": {"share": 0.5, "wall": 3.0, "saving": 1.0}},
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "metrics.jsonl"
        path.write_bytes(b"\n".join(data.draw(damage.any_json(row)) for row in rows) + b"\n")
        read = metrics.read(path)
        for row in [*metrics.train_rows(read), *metrics.eval_rows(read)]:
            np.array([value for name, value in row.items() if name not in ("goodput", "eval")], np.float64)
        goodput.Clock(5.0, metrics.last_goodput(path.parent)).record()
        metrics.truncate(path, 5)
        assert metrics.read(path) == [row for row in read if row["step"] <= 5]
