"""The page: text to faces, a face to captions, a face to attributes; all choices come from the model's schema."""

from typing import Any

import gradio as gr
from gradio.components import Component

from t2f_jax.demo import asking, parts, views
from t2f_jax.demo.parts import EVENT, Demo

TITLE = "Talk2Face: text to faces, and back"
SIDE = 320  # pixels: in a window too narrow for two columns of this width, results are below the inputs
TEXTS = ("a smiling woman with red hair", "an old man with glasses", "a young man with a hat")
LABELS = (
    "**What labels are and are not.** Age, gender and every other attribute are what annotators, or a program,"
    " assigned to pictures: apparent, coarse, and biased. The model reproduces them with their mistakes. They are not"
    " facts about a person; do not use them for decisions about anybody."
)


def build(demo: Demo) -> None:
    """Creates the page's components and their events, inside a `gr.Blocks`."""
    model = demo.model
    name, size = f" '{model.name}'" if model.name else "", f"{model.image_size} x {model.image_size}"
    gr.Markdown(f"# {TITLE}")
    gr.Markdown(f"The model{name} generates faces of {size} pixels, describes faces and predicts their attributes.")
    with gr.Tab("Generate"):
        _generate(demo)
    with gr.Tab("Describe"):
        _describe(demo)
    with gr.Tab("Analyze"):
        _analyze(demo)
    gr.Markdown(LABELS)


def _generate(demo: Demo) -> None:
    model, limits = demo.model, demo.limits
    with gr.Row():
        with gr.Column(min_width=SIDE):
            text = gr.Textbox(label="What the face looks like", placeholder=TEXTS[0], lines=2, max_length=limits.signs)
            known = [[words] for words in TEXTS if not model.has_unknown_tokens(words)]
            if known:
                gr.Examples(known, text, label="Examples: choose one", api_visibility="private")
            with gr.Accordion("Attributes: what it should show", open=False):
                pickers = [*parts.pickers(model.schema)]
            n = gr.Slider(1, limits.faces, 4, step=1, label="How many faces")
            with gr.Accordion("Sampling", open=False):
                drawing = _drawing(demo)
            button = gr.Button("Generate faces", variant="primary")
        out = _result("t2f-generated")

    async def draw(text: Any, n: Any, avoid: Any, guidance: Any, best_of: Any, seed: Any, *chosen: Any) -> Any:
        def ask() -> asking.FaceRequest:
            weight = guidance if demo.weighs else None
            wanted = parts.wanted(pickers, chosen)
            return asking.faces(model, limits, text, wanted, avoid, n, best_of, seed, weight)

        async for news in demo.follow(ask, "Your faces are waiting in the queue."):
            if isinstance(news, tuple):
                yield views.half_drawn(*news)
            else:
                yield news if isinstance(news, str) else views.faces(news, model.unknown_words(text or ""))

    inputs = [text, n, *drawing, *(part for picker in pickers for part in picker.parts)]
    gr.on([button.click, text.submit], draw, inputs, out, **EVENT)


def _drawing(demo: Demo) -> list[Component]:
    """Inputs for what to avoid, guidance, best-of and the seed; the first two only if the model supports them."""
    model = demo.model
    pairs = [f"{a.name}={value}" for a in model.schema if not a.is_number for value in a.values]
    weight = "how closely faces follow the prompt; 1 is as trained"
    best = "generate this many, show the best of them; 0: show all"
    again = "the same seed and prompt give the same faces"
    return [
        gr.Dropdown(pairs, multiselect=True, label="Avoid", visible=demo.weighs),
        gr.Slider(0, 10, model.sampler.guidance, step=0.5, label="Guidance", info=weight, visible=demo.weighs),
        gr.Slider(0, demo.limits.drawn, 0, step=1, label="Best of", info=best),
        gr.Number(0, label="Seed", precision=0, info=again),
    ]


def _describe(demo: Demo) -> None:
    with gr.Row():
        with gr.Column(min_width=SIDE):
            picture = parts.face(demo)
            told = "1: the most likely; more: sampled, the most likely first"
            n = gr.Slider(1, demo.limits.captions, 1, step=1, label="How many captions", info=told)
            seed = gr.Number(0, label="Seed", precision=0)
            button = gr.Button("Describe", variant="primary")
        out = _result("t2f-described")

    async def tell(given: Any, n: Any, seed: Any) -> Any:
        def ask() -> asking.Describe:
            return asking.describe(demo.limits, demo.face(given), n, seed)

        async for news in demo.follow(ask, "Your face is waiting in the queue."):
            yield news if isinstance(news, str) else views.captions(news)

    button.click(tell, [picture, n, seed], out, **EVENT)


def _analyze(demo: Demo) -> None:
    known = [a.name for a in demo.model.schema]
    with gr.Row():
        with gr.Column(min_width=SIDE):
            picture = parts.face(demo)
            names = gr.Dropdown(known, multiselect=True, label="Attributes", info="none chosen: all of them")
            button = gr.Button("Analyze", variant="primary")
        out = _result("t2f-analyzed")

    async def measure(given: Any, names: Any) -> Any:
        def ask() -> asking.Analyze:
            return asking.analyze(demo.model, demo.limits, demo.face(given), names)

        async for news in demo.follow(ask, "Your face is waiting in the queue."):
            yield news if isinstance(news, str) else views.answers(news)

    button.click(measure, [picture, names], out, **EVENT)


def _result(name: str) -> gr.HTML:
    with gr.Column(min_width=SIDE):
        return gr.HTML(elem_id=name, apply_default_css=False)
