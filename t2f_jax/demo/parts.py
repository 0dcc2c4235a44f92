"""Components of the page: attribute pickers and the upload of a face; the state shared by page and API."""

import asyncio
import contextlib
import dataclasses
import functools
import pathlib
import traceback
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import gradio as gr
import numpy as np
from gradio.components import Component

from t2f_jax import arguments
from t2f_jax.demo import asking, pictures, views, work
from t2f_jax.demo.batcher import Batcher
from t2f_jax.demo.limits import Limits
from t2f_jax.errors import UserError
from t2f_jax.inference.model import Model
from t2f_jax.tokens.attributes import Attribute

ANY = "any"
PRIVATE: dict[str, Any] = {"api_visibility": "private"}
EVENT: dict[str, Any] = {"preprocess": False, "show_progress": "hidden", **PRIVATE}  # `asking` checks the values
FAILED = "an internal error occurred, see the server's log; try again, or change the request"


@dataclasses.dataclass(frozen=True)
class Demo:
    """The state shared by page and API.

    Attributes:
      uploads: the folder of uploaded files.
      examples: PNG files of example faces.
    """

    model: Model
    limits: Limits
    batcher: Batcher
    uploads: pathlib.Path
    examples: Sequence[pathlib.Path] = ()

    def face(self, given: Any) -> np.ndarray:
        """An uploaded picture in Gradio's format -> uint8 [S, S, 3]. Raises WrongArgument, see `pictures`."""
        return pictures.open_face(self.model, self.limits, pictures.uploaded(self.uploads, given))

    @property
    def weighs(self) -> bool:
        """Was the model trained with empty prompts, so that guidance and avoided attributes are possible?"""
        return bool(self.model.run_config.tasks.prompt_dropout)

    async def follow(self, ask: Callable[[], asking.Ask], waiting: str) -> AsyncIterator[Any]:
        """Yields HTML for waiting, the task's partial results, and its result; or HTML for an error."""
        yield views.waiting(waiting)
        try:
            asked = await asyncio.to_thread(ask)
            async with contextlib.aclosing(self.batcher.follow(functools.partial(work.task, asked))) as news:
                async for item in news:
                    yield item
        except UserError as error:
            yield views.problem(f"{error}.")
        except Exception:  # a bug: the request must be answered, and the server continues
            traceback.print_exc()
            yield views.problem(f"{FAILED}.")

    async def result(self, ask: Callable[[], asking.Ask]) -> Any:
        """The result of a request. Raises gr.Error, whose message is sent to the client."""
        try:
            asked = await asyncio.to_thread(ask)
            return await asyncio.wrap_future(self.batcher.submit(work.task(asked)))
        except UserError as error:
            raise gr.Error(str(error), print_exception=False) from None
        except Exception:  # as above
            traceback.print_exc()
            raise gr.Error(FAILED, print_exception=False) from None


@dataclasses.dataclass(frozen=True)
class Picker:
    """Components for choosing attributes.

    Attributes:
      parts: the components.
      wanted: their values, as sent -> ["NAME=VALUE"] of the requested attributes.
    """

    parts: tuple[Component, ...]
    wanted: Callable[..., list[str]]


def pickers(schema: Sequence[Attribute]) -> Iterator[Picker]:
    """A slider for each number, a list for each choice, and two lists for all yes-or-no attributes together."""
    signs = [a.name for a in schema if a.values == ("no", "yes")]
    for attribute in schema:
        if attribute.is_number:
            yield _number(attribute)
    with gr.Row():
        for attribute in schema:
            if attribute.values and attribute.name not in signs:
                yield _choice(attribute)
    if signs:
        with gr.Row():
            parts = (
                gr.Dropdown(signs, multiselect=True, label="With"),
                gr.Dropdown(signs, multiselect=True, label="Without"),
            )
        yield Picker(parts, lambda yes, no: [*_each(yes, "yes"), *_each(no, "no")])


def _each(names: Any, value: str) -> list[str]:
    return [f"{name}={value}" for name in arguments.texts("attributes", names or [])]


def _number(attribute: Attribute) -> Picker:
    name = attribute.name
    with gr.Row():
        asked = gr.Checkbox(False, label=f"Ask for {name}", min_width=140, scale=0)
        value = gr.Slider(
            attribute.low, attribute.high, (attribute.low + attribute.high) // 3, step=1, label=name.capitalize()
        )
    return Picker((asked, value), lambda asked, value: [f"{name}={value}"] if asked else [])


def _choice(attribute: Attribute) -> Picker:
    name = attribute.name
    part = gr.Dropdown([ANY, *attribute.values], value=ANY, label=name.capitalize(), min_width=130)
    return Picker((part,), lambda value: [] if value in (None, ANY) else [f"{name}={value}"])


def wanted(pickers: Sequence[Picker], values: Sequence[Any]) -> list[str]:
    """The attributes requested by the pickers' values, which are in one flat list."""
    rest = iter(values)
    return [pair for p in pickers for pair in p.wanted(*(next(rest) for _ in p.parts))]


def face(demo: Demo) -> gr.Image:
    """The upload of a face, with examples that fill it."""
    picture = picture_input(label="A face", sources=["upload", "clipboard"], height=280)
    if demo.examples:
        gr.Markdown("Or choose a face that this model generated:")
        with gr.Row():
            for number, file in enumerate(demo.examples, 1):
                button = gr.Button(f"face {number}", icon=file, size="sm", min_width=60, elem_classes="t2f-example")
                button.click(functools.partial(str, file), None, picture, show_progress="hidden", **PRIVATE)
    return picture


def picture_input(**options: Any) -> gr.Image:
    """An input of pictures that fetches no URL; Gradio's own downloads any URL in a request."""
    picture = gr.Image(type="filepath", **options)
    keep = picture.async_move_resource_to_block_cache

    async def uploads_alone(url_or_file_path: str | pathlib.Path | None) -> str | None:
        if "://" in str(url_or_file_path) or str(url_or_file_path).startswith(("http:", "https:", "//")):
            raise gr.Error("give an uploaded picture, not an address", print_exception=False)
        return await keep(url_or_file_path)

    picture.async_move_resource_to_block_cache = uploads_alone
    return picture
