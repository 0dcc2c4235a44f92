"""A demo that is served: a small model, the real page and API on a port of this machine."""

import contextlib
import dataclasses
import threading
import time

import pytest
import small_model

from t2f_jax.demo import work
from t2f_jax.demo.limits import Limits

LIMITS = Limits(working=2, waiting=2, upload_bytes=200_000, pixels=1_000_000)


class Gated(work.Worker):
    """A worker that computes only while `gate` is open."""

    gate = threading.Event()
    gate.set()

    def __call__(self, tasks):
        assert self.gate.wait(300)
        return super().__call__(tasks)


@dataclasses.dataclass(frozen=True)
class Served:
    address: str
    demo: object
    gate: threading.Event
    queue: object  # Gradio's


@pytest.fixture(scope="session")
def model():
    return small_model.make(prompt_dropout=0.1)


@contextlib.contextmanager
def serving(app):
    """Serves an application on a free port; gives its address."""
    from t2f_jax.demo import server

    running = server.make_server(app)
    with server.listen("127.0.0.1", 0) as listening:
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not running.started:
            assert thread.is_alive()
            time.sleep(0.05)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        running.should_exit = True
        thread.join()


@pytest.fixture(scope="session")
def served(model):
    pytest.importorskip("gradio", reason="gradio is not installed; pip install -e '.[demo]'")
    from t2f_jax.demo import server

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work, "SIZES", (4,))  # two more would be compiled for nothing
        patch.setattr(work, "Worker", Gated)
        patch.setattr(work, "LOOK_EVERY", 0.0)
        patch.setenv("GRADIO_TEMP_DIR", "")  # `started` sets it: restored behind
        with server.started(model, LIMITS) as demo, serving(app := server.make_app(demo)) as address:
            (gradio,) = app.routes
            yield Served(address, demo, Gated.gate, gradio.app.get_blocks()._queue)
