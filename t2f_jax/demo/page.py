"""The page: words to faces, a face to words, a face to its attributes; every choice in it is of the model's schema."""

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

from t2f_jax.demo import asking, pictures, views, work
from t2f_jax.demo.batcher import Batcher
from t2f_jax.demo.limits import Limits
from t2f_jax.errors import UserError
from t2f_jax.inference.model import Model
from t2f_jax.tokens.attributes import Attribute

ANY = "any"
TEXTS = ("a smiling woman with red hair", "an old man with glasses", "a young man with a hat")
LABELS = (
    "**What labels are and are not.** Age, gender and every other attribute are what annotators, or a program, wrote"
    " below pictures: apparent, coarse, and biased by who labelled whom. The model repeats them with their mistakes."
    " They do not say who a person is; do not use them to decide about anybody."
)
# Values come as they were sent: `asking` checks them.
EVENT: dict[str, Any] = {"preprocess": False, "show_progress": "hidden", "api_visibility": "private"}
PRIVATE: dict[str, Any] = {"api_visibility": "private"}
FAILED = "something went wrong here, and the server's log says what; try again, or ask for something else"


@dataclasses.dataclass(frozen=True)
class Demo:
    """What page and API are made for.

    Attributes:
      uploads: the folder of uploaded files.
      examples: PNG files of faces to click.
    """

    model: Model
    limits: Limits
    batcher: Batcher
    uploads: pathlib.Path
    examples: Sequence[pathlib.Path] = ()

    def face(self, given: Any) -> np.ndarray:
        """An uploaded picture in Gradio's words -> uint8 [S, S, 3]. Raises WrongArgument, see `pictures`."""
        return pictures.open_face(self.model, self.limits, pictures.uploaded(self.uploads, given))

    @property
    def weighs(self) -> bool:
        """Does the model know prompts without words, so that guidance and what to avoid mean something?"""
        return bool(self.model.run_config.tasks.prompt_dropout)


def build(demo: Demo) -> None:
    """The page's components and what they do, inside a `gr.Blocks`."""
    model = demo.model
    gr.Markdown(f"# {model.name or 'Talk2Face'}: words to faces, and back", elem_classes="t2f-title")
    size = f"{model.image_size} x {model.image_size}"
    gr.Markdown(f"One sequence model draws faces of {size} pixels, describes them and measures them.")
    with gr.Tab("Generate"):
        _generate(demo)
    with gr.Tab("Describe"):
        _describe(demo)
    with gr.Tab("Analyze"):
        _analyze(demo)
    gr.Markdown(LABELS)


def _generate(demo: Demo) -> None:
    model, limits = demo.model, demo.limits
    text = gr.Textbox(
        label="What the face looks like", placeholder=TEXTS[0], lines=2, max_length=limits.signs, autofocus=False
    )
    known = [[words] for words in TEXTS if not model.has_unknown_tokens(words)]
    if known:
        gr.Examples(known, text, label="Examples: choose one")
    with gr.Accordion("Attributes: what it should show", open=False):
        pickers = [*_pickers(model.schema)]
    pairs = [f"{a.name}={value}" for a in model.schema if not a.is_number for value in a.values]
    with gr.Accordion("How it is drawn", open=False):
        avoid = gr.Dropdown(pairs, multiselect=True, label="Avoid", visible=demo.weighs)
        guidance = gr.Slider(
            *(0, 10),
            model.sampler.guidance,
            step=0.5,
            label="Guidance",
            info="how much the words count; 1 is as trained",
            visible=demo.weighs,
        )
        best_of = gr.Slider(
            *(0, limits.drawn), 0, step=1, label="Best of", info="draw so many, show the best of them; 0: show all"
        )
        seed = gr.Number(0, label="Seed", precision=0, info="the same seed and words give the same faces")
    n = gr.Slider(1, limits.faces, 4, step=1, label="How many faces")
    button = gr.Button("Draw faces", variant="primary")
    out = gr.HTML(elem_id="t2f-generated")

    async def draw(text: Any, n: Any, best_of: Any, seed: Any, guidance: Any, avoid: Any, *chosen: Any) -> Any:
        def ask() -> asking.FaceRequest:
            wanted = _wanted(pickers, chosen)
            weight = guidance if demo.weighs else None
            return asking.faces(model, limits, text, wanted, avoid, n, best_of, seed, weight)

        async for news in _follow(demo, ask, "Your faces wait for their turn."):
            if isinstance(news, tuple):
                yield views.half_drawn(*news)
            else:
                yield news if isinstance(news, str) else views.faces(news)

    inputs = [text, n, best_of, seed, guidance, avoid, *(part for picker in pickers for part in picker.parts)]
    gr.on([button.click, text.submit], draw, inputs, out, **EVENT)


def _describe(demo: Demo) -> None:
    picture = _picture(demo)
    n = gr.Slider(1, demo.limits.captions, 1, step=1, label="How many captions", info="1: the likeliest; more: drawn")
    seed = gr.Number(0, label="Seed", precision=0)
    button = gr.Button("Describe", variant="primary")
    out = gr.HTML(elem_id="t2f-described")

    async def describe(given: Any, n: Any, seed: Any) -> Any:
        def ask() -> asking.Describe:
            return asking.describe(demo.limits, demo.face(given), n, seed)

        async for news in _follow(demo, ask, "Your face waits for its turn."):
            yield news if isinstance(news, str) else views.captions(news)

    button.click(describe, [picture, n, seed], out, **EVENT)


def _analyze(demo: Demo) -> None:
    picture = _picture(demo)
    names = gr.Dropdown(
        [a.name for a in demo.model.schema], multiselect=True, label="Attributes", info="none chosen: all of them"
    )
    button = gr.Button("Analyze", variant="primary")
    out = gr.HTML(elem_id="t2f-analyzed")

    async def analyze(given: Any, names: Any) -> Any:
        def ask() -> asking.Analyze:
            return asking.analyze(demo.model, demo.limits, demo.face(given), names)

        async for news in _follow(demo, ask, "Your face waits for its turn."):
            yield news if isinstance(news, str) else views.answers(news)

    button.click(analyze, [picture, names], out, **EVENT)


# ----- parts of the page -----


@dataclasses.dataclass(frozen=True)
class Picker:
    """Components by which attributes are chosen.

    Attributes:
      parts: the components.
      wanted: their values, as they were sent -> ["NAME=VALUE"] of what is asked for.
    """

    parts: tuple[Component, ...]
    wanted: Callable[..., list[str]]


def _pickers(schema: Sequence[Attribute]) -> Iterator[Picker]:
    """Of each number a slider, of each choice a list, of all that is there or not two lists together."""
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
        yield Picker(parts, lambda yes, no: [f"{a}=yes" for a in yes or ()] + [f"{a}=no" for a in no or ()])


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


def _wanted(pickers: Sequence[Picker], values: Sequence[Any]) -> list[str]:
    """What the pickers' values, one after another, ask for."""
    rest = iter(values)
    return [pair for p in pickers for pair in p.wanted(*(next(rest) for _ in p.parts))]


def _picture(demo: Demo) -> gr.Image:
    """Where a face is uploaded, with examples."""
    picture = picture_input(label="A face", sources=["upload", "clipboard"], height=280)
    if demo.examples:
        gr.Examples(
            [[str(file)] for file in demo.examples], picture, label="Examples: faces that this model drew", **PRIVATE
        )
    return picture


def picture_input(**options: Any) -> gr.Image:
    """An input of pictures that fetches nothing from an address: Gradio's own downloads what a request names."""
    picture = gr.Image(type="filepath", **options)
    keep = picture.async_move_resource_to_block_cache

    async def uploads_alone(url_or_file_path: str | pathlib.Path | None) -> str | None:
        if "://" in str(url_or_file_path) or str(url_or_file_path).startswith(("http:", "https:", "//")):
            raise gr.Error("give an uploaded picture, not an address", print_exception=False)
        return await keep(url_or_file_path)

    picture.async_move_resource_to_block_cache = uploads_alone
    return picture


async def _follow(demo: Demo, ask: Callable[[], asking.Ask], waiting: str) -> AsyncIterator[Any]:
    """HTML while there is no result, what the task tells, and its result; HTML again for what went wrong."""
    yield views.waiting(waiting)
    try:
        asked = await asyncio.to_thread(ask)
        async with contextlib.aclosing(demo.batcher.follow(functools.partial(work.task, asked))) as news:
            async for item in news:
                yield item
    except UserError as error:
        yield views.problem(f"{error}.")
    except Exception:
        traceback.print_exc()
        yield views.problem(f"{FAILED}.")
