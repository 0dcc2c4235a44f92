"""One thread that computes for all users, and batches simultaneous requests.

Each request is a `Task`. The oldest task is computed first, together with all later ones of the same key that fit.
"""

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import AsyncGenerator, Callable, Hashable, Sequence
from typing import Any, Generic, TypeVar

from t2f_jax.errors import UserError

Result = TypeVar("Result")


class Task(Generic[Result]):
    """The request of one user.

    Attributes:
      ask: what to compute.
      key: tasks with equal keys may be computed together.
      rows: its number of rows in a batch.
      tell: called from the computing thread with partial results; None if they are not wanted.
      future: the result.
    """

    def __init__(self, ask: Any, key: Hashable, rows: int, tell: Callable[[Any], object] | None = None):
        self.ask, self.key, self.rows, self.tell = ask, key, rows, tell
        self.future: concurrent.futures.Future[Result] = concurrent.futures.Future()


Work = Callable[[Sequence[Task]], Sequence[Any]]  # tasks with the same key -> their results


class Batcher:
    """The thread and its queue. A context manager, which cancels waiting tasks at its end."""

    def __init__(self, work: Work, most_rows: int):
        self._work, self._most_rows = work, most_rows
        self._waiting: list[Task] = []
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="batcher", daemon=True)

    def __enter__(self) -> "Batcher":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        with self._changed:
            self._closed = True
            waiting, self._waiting = self._waiting, []
            self._changed.notify()
        for task in waiting:
            task.future.cancel()
        self._thread.join()

    def submit(self, task: Task[Result]) -> "concurrent.futures.Future[Result]":
        """Adds a task to the queue. Raises UserError if the server is ending."""
        with self._changed:
            if self._closed:
                raise UserError("the server is shutting down; try again later")
            self._waiting.append(task)
            self._changed.notify()
        return task.future

    async def follow(self, make: Callable[[Callable[[Any], object]], Task]) -> AsyncGenerator[Any, None]:
        """Queues the task that `make` makes from a `tell`; yields its partial results, then its result.

        If the caller stops iterating, a task that has not begun is cancelled.
        """
        loop, news = asyncio.get_running_loop(), asyncio.Queue[Any]()

        def tell(item: Any) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: there is no listener any more
                loop.call_soon_threadsafe(news.put_nowait, item)

        future = self.submit(make(tell))
        future.add_done_callback(tell)
        try:
            while (item := await news.get()) is not future:
                yield item
            yield future.result()
        finally:
            future.cancel()

    def _serve(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                batch = self._take()
            batch = [task for task in batch if task.future.set_running_or_notify_cancel()]
            if batch:
                self._compute(batch)

    def _take(self) -> list[Task]:
        """The oldest task, and those with its key that fit into the batch."""
        first, rest = self._waiting[0], []
        batch, rows = [first], first.rows
        for task in self._waiting[1:]:
            if task.key == first.key and rows + task.rows <= self._most_rows:
                batch.append(task)
                rows += task.rows
            else:
                rest.append(task)
        self._waiting = rest
        return batch

    def _compute(self, batch: list[Task]) -> None:
        """Sets the results; if a batch of several fails, each task is computed separately, so that only one fails."""
        try:
            results = self._work(batch)
        except Exception as error:
            if len(batch) == 1:
                batch[0].future.set_exception(error)
            else:
                for task in batch:
                    self._compute([task])
            return
        for task, result in zip(batch, results, strict=True):
            task.future.set_result(result)
