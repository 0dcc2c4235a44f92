"""The HTTP API: the page's functions for programs. Gradio serves it under /gradio_api/call, see the page's footer.

Values arrive unchecked; `asking` checks them. A wrong value gives an error that says what would be right.
"""

from collections.abc import Callable
from typing import Any

import gradio as gr

from t2f_jax.demo import asking, pictures
from t2f_jax.demo.parts import Demo, picture_input


def build(demo: Demo) -> None:
    """Creates the endpoints, inside a `gr.Blocks`. Their components only describe the parameters."""
    model, limits = demo.model, demo.limits

    async def generate(
        text: Any, attributes: Any, avoid: Any, n: Any, best_of: Any, seed: Any, guidance: Any = None
    ) -> Any:
        def ask() -> asking.FaceRequest:
            return asking.faces(model, limits, text, attributes, avoid, n, best_of, seed, guidance)

        faces = await demo.result(ask)
        words = model.unknown_words(text or "")
        unread = {"unread": words} if words else {}
        return [{"image": pictures.data_uri(face), **face.info, **unread} for face in faces]

    async def describe(image: Any, n: Any, seed: Any) -> Any:
        captions = await demo.result(lambda: asking.describe(limits, demo.face(image), n, seed))
        return [{"caption": one.text, "log_probability": one.log_probability} for one in captions]

    async def analyze(image: Any, attributes: Any) -> Any:
        face = await demo.result(lambda: asking.analyze(model, limits, demo.face(image), attributes))
        for record in face.values():
            shares = record["probabilities"]
            record["probabilities"] = {str(value): p for value, p in shares.items()}  # JSON keys are strings
        return face

    def text(label: str) -> gr.Textbox:
        return gr.Textbox("", label=label, visible=False)

    def number(label: str, value: int | None) -> gr.Number:
        return gr.Number(value, label=label, visible=False)

    def names(label: str) -> gr.JSON:
        return gr.JSON([], label=label, visible=False)

    def picture() -> gr.Image:
        return picture_input(label="A face: a JPEG, PNG or WebP file", visible=False)

    pairs = 'list of "NAME=VALUE" or "NAME=VALUE:WEIGHT"'
    faces = [
        *(text("What the face looks like"), names(f"What it should show: {pairs}"), names(f"What to avoid: {pairs}")),
        *(number("How many faces", 4), number("Best of", 0), number("Seed", 0), number("Guidance", None)),
    ]
    _endpoint(generate, faces, "Faces for a prompt: a list of {image (a data URI of a PNG file), prompt, seed, ...}.")
    several = [picture(), number("How many captions", 1), number("Seed", 0)]
    _endpoint(describe, several, "Captions of a face, the most likely first: a list of {caption, log_probability}.")
    asked = [picture(), names("Attributes, by name; all if empty")]
    _endpoint(analyze, asked, "A face's age and attributes with their probabilities: {name: record}.")


def _endpoint(function: Callable[..., Any], inputs: list[Any], told: str) -> None:
    out = gr.JSON(label="Result", visible=False)
    gr.on(
        *([], function, inputs, out),
        api_name=function.__name__,
        api_description=told,
        preprocess=False,
        postprocess=False,
        show_progress="hidden",
    )
