"""The work of the computing thread on a batch of tasks: generates, describes and analyzes faces."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from t2f_jax.demo import pictures
from t2f_jax.demo.asking import Analyze, Ask, Describe
from t2f_jax.demo.batcher import Task
from t2f_jax.inference import decoding
from t2f_jax.inference.face_request import FaceRequest
from t2f_jax.inference.likelihoods import Caption
from t2f_jax.inference.model import Model

SIZES = (4, 8, 16, 32)  # sizes of a batch of faces: few, since each compiles its own programs
LOOK_EVERY = 0.4  # seconds between updates of partly generated faces
WARM_UP = "a face"


class Worker:
    """Computes tasks of one kind together with a model; called by `batcher.Batcher`."""

    def __init__(self, model: Model):
        self.model = model

    def __call__(self, tasks: Sequence[Task]) -> Sequence[Any]:
        """The tasks' results, see `task`. Raises UserError for a model that gives NaN."""
        first = tasks[0].ask
        if isinstance(first, FaceRequest):
            return self._draw(tasks)
        pixels = np.stack([task.ask.pixels for task in tasks])
        if isinstance(first, Describe):
            return self._describe(pixels, first)
        answers = self.model.analyze_images(pixels)
        return [{name: face[name] for name in task.ask.attributes} for task, face in zip(tasks, answers)]

    def warm_up(self) -> list[Image.Image]:
        """Compiles the most frequent requests. Returns generated faces as examples."""
        faces: list[Image.Image] = []
        for size in SIZES:
            (faces,) = self([task(self.model.face_request(WARM_UP, None, size, 0), lambda _: None)])
        pixels = self.model.images(faces[0])[0]
        self([task(Describe(pixels, 1, 0))])
        self([task(Analyze(pixels, ()))])
        return faces

    def _draw(self, tasks: Sequence[Task]) -> list[list[Image.Image]]:
        model = self.model
        asks: list[FaceRequest] = [task.ask for task in tasks]
        requests = [r for a in asks for r in model.requests([a.prompt] * a.n, a.seeds, a.sampler)]
        ends = np.cumsum([a.n for a in asks])
        size = next((size for size in SIZES if size >= len(requests)), len(requests))
        filled = [*requests, *requests[:1] * (size - len(requests))]
        watch = decoding.Watch(model.image_tokenizer.config.grids[-1], self._shower(tasks, ends))
        ids = decoding.generate(model.engine, filled, asks[0].sampler, size, watch)
        codes = model.vocab.codes(np.stack(ids[: len(requests)]))
        return [model.faces_of(a, codes[end - a.n : end]) for a, end in zip(asks, ends)]

    def _shower(self, tasks: Sequence[Task], ends: np.ndarray) -> Callable[[Sequence[int], np.ndarray], None]:
        """A function that sends partly generated faces to tasks that want them, at limited intervals."""
        last = time.monotonic()

        def show(rows: Sequence[int], ids: np.ndarray) -> None:
            nonlocal last
            if time.monotonic() - last < LOOK_EVERY or not any(task.tell for task in tasks):
                return
            faces = dict(zip(rows, pictures.half_drawn(self.model, self.model.vocab.codes(ids))))
            share = ids.shape[1] / self.model.image_tokenizer.config.tokens
            for task, end in zip(tasks, ends):
                own = [faces[row] for row in range(end - task.rows, end) if row in faces]
                if task.tell and own:
                    task.tell((share, own))
            last = time.monotonic()

        return show

    def _describe(self, pixels: np.ndarray, first: Describe) -> list[list[Caption]]:
        codes = self.model.encode(pixels)
        if first.n > 1:
            return self.model.caption_codes(codes, first.n, seed=first.seed)
        texts = self.model.describe(pixels)
        return [[Caption(float(p), text)] for p, text in zip(self.model.caption_scores(codes, texts), texts)]


def task(ask: Ask, tell: Callable[[Any], object] | None = None) -> Task:
    """A task for a request.

    Its result: for a `FaceRequest` the faces, for a `Describe` captions, most likely first, for an `Analyze` {name:
    record}. Partial results of a `FaceRequest` are (share generated, partly generated faces uint8 [S, S, 3]).
    """
    if isinstance(ask, FaceRequest):
        return Task(ask, ("faces", ask.sampler.kind, tuple(ask.sampler.numbers.tolist())), ask.n, tell)
    if isinstance(ask, Describe):
        return Task(ask, ("captions", ask.n, ask.seed), ask.n)
    return Task(ask, ("answers",), 1)
