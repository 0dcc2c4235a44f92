"""Serves the page and the API behind the guard."""

import asyncio
import contextlib
import os
import pathlib
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

# Gradio reads these at its import. Without them it sends analytics, and keeps 10,000 requests, from which it makes a
# table of statistics after each one.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "1")
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(2**62))

import fastapi
import gradio as gr
import uvicorn
from gradio.block_function import BlockFunction
from gradio.themes import Default
from gradio.utils import LRUCache
from PIL import Image

from t2f_jax.demo import api, page, work
from t2f_jax.demo.batcher import Batcher
from t2f_jax.demo.guard import Guard
from t2f_jax.demo.limits import Limits
from t2f_jax.demo.parts import Demo
from t2f_jax.errors import UserError
from t2f_jax.inference.model import Model
from t2f_jax.io import images

CLEAN_EVERY = 60  # seconds
SESSIONS = 500  # number of sessions whose requests and messages are kept until they are fetched
EXAMPLES = 4  # example faces
THEME = Default(
    primary_hue="blue",
    font=("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"),
    font_mono=("ui-monospace", "monospace"),
).set(  # Gradio's own colours have too little contrast for many readers
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_300",
    block_info_text_color="*neutral_600",
    block_info_text_color_dark="*neutral_300",
    input_placeholder_color="*neutral_500",
    input_placeholder_color_dark="*neutral_400",
    button_primary_background_fill="*primary_700",
    button_primary_background_fill_dark="*primary_700",
    button_primary_background_fill_hover="*primary_800",
    button_primary_background_fill_hover_dark="*primary_800",
)


class Sessions(LRUCache):
    """Gradio's data of the newest `SESSIONS` sessions; data for other sessions is dropped.

    In Gradio itself, a message for an unknown session ends the task that serves the queue permanently: one request
    without a session's name is enough. And requests whose results are never fetched remain.
    """

    def __init__(self, empty: Callable[[], Any]):
        super().__init__(SESSIONS)
        self.empty = empty

    def __missing__(self, session: str) -> Any:
        return self.empty()


class Blocks(gr.Blocks):
    """Blocks that answer values of a wrong kind or number with a message; Gradio only prints a traceback."""

    async def preprocess_data(self, block_fn: BlockFunction, *values: Any, **options: Any) -> list[Any]:
        """The values as converted by Gradio. Raises gr.Error, whose message is sent to the client."""
        try:
            return await super().preprocess_data(block_fn, *values, **options)
        except gr.Error:
            raise
        except Exception as error:
            takes = "; ".join(str(getattr(block, "label", None)) for block in block_fn.inputs)
            told = f"these are not the values that {block_fn.api_name} takes, in this order: {takes}"
            raise gr.Error(told, print_exception=False) from error


def run(model: Model, host: str, port: int, limits: Limits, ready: Callable[[str], object]) -> None:
    """Serves the page until Ctrl-C; `ready` is called with its address.

    Raises:
      UserError: there is no such host, or the port is in use.
    """
    with listen(host, port) as listening, started(model, limits) as demo:
        name = f"[{host}]" if ":" in host else host
        ready(f"http://{name}:{listening.getsockname()[1]}")
        make_server(make_app(demo)).run(sockets=[listening])


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free port. Raises UserError, naming the flag."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UserError(f"{host}:{port}: {reason}; give another --port (0: any that is free) or --host") from error


@contextlib.contextmanager
def started(model: Model, limits: Limits) -> Iterator[Demo]:
    """Starts the computing thread, warmed up, and a folder for uploads that is deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="t2f-demo-") as folder, contextlib.ExitStack() as stack:
        uploads = pathlib.Path(folder).resolve() / "uploads"
        uploads.mkdir()
        os.environ["GRADIO_TEMP_DIR"] = str(uploads)  # Gradio's folder of uploads
        worker = work.Worker(model)
        examples = _save(worker.warm_up()[:EXAMPLES], uploads.parent)
        batcher = stack.enter_context(Batcher(worker, work.SIZES[-1]))
        yield Demo(model, limits, batcher, uploads, examples)


def _save(faces: Sequence[Image.Image], folder: pathlib.Path) -> list[pathlib.Path]:
    files = [folder / f"face-{number}.png" for number in range(1, len(faces) + 1)]
    for file, face in zip(files, faces):
        images.save_png(file, face, face.info)
    return files


def make_app(demo: Demo) -> fastapi.FastAPI:
    """The whole application, to be served by uvicorn."""
    limits = demo.limits
    with Blocks(title=page.TITLE, analytics_enabled=False, delete_cache=(CLEAN_EVERY, limits.upload_seconds)) as blocks:
        page.build(demo)
        api.build(demo)
    blocks.max_threads = limits.working
    blocks.queue(max_size=limits.waiting, default_concurrency_limit=None, api_open=False)
    blocks._queue.pending_messages_per_session = Sessions(asyncio.Queue)
    blocks._queue.pending_event_ids_session = Sessions(set)
    blocks.state_session_capacity = limits.sessions
    app = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app = gr.mount_gradio_app(
        app,
        blocks,
        "/",
        ssr_mode=False,
        show_error=False,
        run_history=False,
        footer_links=["api"],
        max_file_size=limits.upload_bytes,
        theme=THEME,
        css_paths=pathlib.Path(__file__).with_name("style.css"),
    )
    blocks.has_launched = True  # only `launch` sets it, and without it Gradio opens any path in a request
    app.add_middleware(Guard, limits=limits, uploads=demo.uploads)
    return app


def make_server(app: fastapi.FastAPI) -> uvicorn.Server:
    """The server of the application."""
    return uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2))
