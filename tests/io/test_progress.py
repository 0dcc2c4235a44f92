"""Lines for a log, and lines that nobody can read."""

import io
import sys
import time

import pytest

from t2f_jax.io import progress


def test_without_a_terminal_progress_is_lines_few_and_telling(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with progress.Progress("decoder", 100, unit="step") as bar:
        for done in range(1, 101):
            now[0] += 0.5
            bar.update(done, f"loss {done}")
    lines = sys.stderr.getvalue().splitlines()
    assert lines[0] == "decoder: 30% (30/100 steps)  0:35 left  2 steps/s  loss 30"
    assert len(lines) == 4 and lines[-1] == "decoder: 100% (100/100 steps)  2 steps/s  loss 100"


def test_work_that_is_done_at_once_tells_its_rate_in_one_line(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with progress.Progress("generate", 64, unit="face") as bar:
        now[0] = 32.0
        bar.update(64)
    with progress.Progress("decoder", 100, unit="step") as bar:
        now[0] = 64.0
        bar.update(1)  # compiling is no rate
    assert sys.stderr.getvalue().splitlines() == [
        "generate: 100% (64/64 faces)  2 faces/s",
        "decoder: 1% (1/100 steps)  ? left",
    ]


def test_advance_counts_on_from_the_start(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.setattr(progress, "LINE_EVERY", -1.0)
    with progress.Progress("generate", 10, start=4, unit="face") as bar:
        bar.advance()
        bar.advance(3)
    assert [line.split()[2] for line in sys.stderr.getvalue().splitlines()] == ["(5/10", "(8/10"]


def test_short_work_prints_nothing(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress.Progress("x", 3) as bar:
        bar.update(3)
    assert sys.stderr.getvalue() == ""


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_on_a_terminal_a_line_stands_above_the_bar(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress.Progress("decoder", 2, unit="step") as bar:
        bar.update(1, "loss 3")
        progress.say("saved [1]")
        bar.say("again")
    shown = sys.stderr.getvalue()
    assert "saved [1]" in shown and "again" in shown and "decoder" in shown and "1/2" in shown and "loss 3" in shown
    with progress.Progress("decoder", 2, quiet=True) as bar:
        bar.update(2)
        bar.say("nothing of it")
    assert sys.stderr.getvalue() == shown


class Unread(io.StringIO):
    def write(self, text):
        raise BrokenPipeError


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [None, closed(), Unread()])
def test_where_nobody_listens_the_work_goes_on(stream, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "LINE_EVERY", -1.0)
    progress.say("a line")
    with progress.Progress("decoder", 2) as bar:
        bar.update(2)
    assert capsys.readouterr().out == ""


def test_clock():
    assert progress.clock(62.4) == "1:02" and progress.clock(3723) == "1:02:03"
