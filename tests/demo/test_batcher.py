"""Tasks of several people, computed together."""

import asyncio
import threading

import pytest

from t2f_jax.demo.batcher import Batcher, Task
from t2f_jax.errors import UserError


class Recorder:
    """Doubles what it is asked; remembers which asks came together. It begins with its first batch when it is let."""

    def __init__(self):
        self.batches, self.begin = [], threading.Event()

    def __call__(self, tasks):
        self.batches.append([task.ask for task in tasks])
        assert self.begin.wait(60)
        for task in tasks:
            if task.ask == "bad":
                raise UserError("this one is wrong")
            if task.tell:
                task.tell("half")
        return [task.ask * 2 for task in tasks]


def test_tasks_of_one_key_that_fit_are_computed_together():
    work = Recorder()
    with Batcher(work, most_rows=4) as batcher:
        first = batcher.submit(Task("first", "alone", 1))
        while not work.batches:  # the thread is busy now: what follows waits
            pass
        asks = [("a", "x", 2), ("b", "y", 1), ("c", "x", 2), ("d", "x", 1)]
        futures = [batcher.submit(Task(*ask)) for ask in asks]
        work.begin.set()
        assert first.result(60) == "firstfirst"
        assert [future.result(60) for future in futures] == ["aa", "bb", "cc", "dd"]
    assert work.batches == [["first"], ["a", "c"], ["b"], ["d"]]


def test_one_that_fails_fails_alone():
    work = Recorder()
    with Batcher(work, most_rows=9) as batcher:
        batcher.submit(Task("first", "alone", 1))
        while not work.batches:
            pass
        good, bad = (batcher.submit(Task(ask, "x", 1)) for ask in ("good", "bad"))
        work.begin.set()
        assert good.result(60) == "goodgood"
        with pytest.raises(UserError, match="this one is wrong"):
            bad.result(60)


def test_who_leaves_is_taken_out_of_the_line():
    work = Recorder()
    with Batcher(work, most_rows=1) as batcher:
        batcher.submit(Task("first", "alone", 1))
        while not work.batches:
            pass
        gone, last = (batcher.submit(Task(ask, "x", 1)) for ask in ("gone", "last"))
        assert gone.cancel()
        work.begin.set()
        assert last.result(60) == "lastlast"
    assert work.batches == [["first"], ["last"]]


def test_news_come_before_the_result():
    work = Recorder()
    work.begin.set()

    async def listen(batcher):
        return [item async for item in batcher.follow(lambda tell: Task("a", "x", 1, tell))]

    with Batcher(work, most_rows=1) as batcher:
        assert asyncio.run(listen(batcher)) == ["half", "aa"]


def test_what_waits_at_the_end_is_cancelled_and_nothing_begins_then():
    work = Recorder()
    batcher = Batcher(work, most_rows=1)
    with batcher:
        batcher.submit(Task("first", "alone", 1))
        while not work.batches:
            pass
        waiting = batcher.submit(Task("late", "x", 1))
        threading.Timer(0.1, work.begin.set).start()
    assert waiting.cancelled()
    with pytest.raises(UserError, match="the server is shutting down"):
        batcher.submit(Task("later", "x", 1))
