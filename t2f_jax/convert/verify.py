"""Compares the outputs of two models, part by part, on fixed sequences of all three tasks."""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from t2f_jax.bundle import Bundle
from t2f_jax.errors import UserError
from t2f_jax.inference import decoding, grammar, scoring
from t2f_jax.inference.model import Model
from t2f_jax.inference.reading import default_reading
from t2f_jax.inference.sampler import Sampler, default_sampler
from t2f_jax.models.decoder import Decoder, apply_decoder
from t2f_jax.models.image_tokenizer import ImageTokenizer
from t2f_jax.models.vqgan import VQGAN
from t2f_jax.tokens import sequence, templates
from t2f_jax.tokens.templates import ATTRIBUTE_PROMPT, CAPTION_PROMPT

TEXTS = tuple(
    templates.image_text(attributes=attributes)
    for attributes in ({"gender": "female", "smiling": "yes", "age": 27}, {"gender": "male", "eyeglasses": "no"})
)
QUESTIONS = (("gender", "male"), ("age", "34"))
CAPTION_LENGTH = 48
Params = Any  # nested parameters of a Flax module


@dataclasses.dataclass(frozen=True)
class Task:
    """Inputs for one task: both models compute logits of whole rows, and continuations of their prefixes."""

    name: str
    rows: list[sequence.Example]
    prefixes: list[tuple[int, ...]]
    span: grammar.Grammar | None  # of the ids generated greedily after a prefix; None: answers are scored instead


@dataclasses.dataclass(frozen=True)
class Row:
    """The result of one part: the largest difference of its numbers, and a note."""

    part: str
    difference: float
    note: str = ""


def compare(a: Bundle | ImageTokenizer, b: Bundle | ImageTokenizer, tolerance: float) -> list[Row]:
    """The largest differences between two models, part by part.

    Greedy tokens that differ count as 0 if, at their first difference, the two ids' logits differ by at most the
    tolerance, where rounding decides; the note says so. Otherwise they count as 1.

    Raises:
      UserError: vocabularies, codes or image sizes differ, so that nothing is comparable.
    """
    images_a, images_b = _images(a), _images(b)
    first, second = images_a.config, images_b.config
    for key in ("resolution", "factor", "n_embed"):
        if getattr(first, key) != getattr(second, key):
            raise UserError(f"the image tokenizers differ in {key}: {getattr(first, key)} and {getattr(second, key)}")
    rng = np.random.default_rng(0)
    codes = rng.integers(0, first.n_embed, (2, first.tokens)).astype(np.int32)
    rows: list[Row] = []
    if isinstance(a, Bundle) and isinstance(b, Bundle):
        rows += _decoder_rows(Model(a), Model(b), codes, tolerance)
    decoded = [np.asarray(_decode(VQGAN(x.config), x.params, codes)) for x in (images_a, images_b)]
    rows.append(Row("decoded images", largest(*decoded), "of values in [-1, 1]"))
    pictures = np.round((decoded[0] + 1) * 127.5).astype(np.uint8)
    chosen = [np.asarray(ImageTokenizer(x.config, x.params).encode(pictures)) for x in (images_a, images_b)]
    rows.append(Row("image codes", float((chosen[0] != chosen[1]).mean()), "share of codes that differ"))
    return rows


def settings(a: Bundle, b: Bundle) -> list[str]:
    """Differing settings of the models that do not change the compared numbers."""
    pairs = {
        "preprocess": (a.preprocess, b.preprocess),
        "decoder.loss_span": (a.run_config.loss_span, b.run_config.loss_span),
        "decoder.text_length": (a.text_length, b.text_length),
        "sampler": (default_sampler(a.provenance), default_sampler(b.provenance)),
        "reading": (default_reading(a.provenance), default_reading(b.provenance)),
        "attributes": ([x.name for x in a.schema], [x.name for x in b.schema]),
    }
    return [f"{key}: {x}, {y}" for key, (x, y) in pairs.items() if x != y]


def table(rows: Sequence[Row], tolerance: float) -> str:
    """The rows as text, each with its verdict."""
    lines = []
    for row in rows:
        verdict = "same" if row.difference <= tolerance else "DIFFERS"
        lines.append(f"{row.part:28} {row.difference:<12.3g} {verdict:8} {row.note}".rstrip())
    return "\n".join(lines)


def _images(model: Bundle | ImageTokenizer) -> ImageTokenizer:
    return model if isinstance(model, ImageTokenizer) else model.image_tokenizer


def _decoder_rows(a: Model, b: Model, codes: np.ndarray, tolerance: float) -> list[Row]:
    if a.vocab != b.vocab:
        raise UserError(f"the models know other ids: {a.vocab} and {b.vocab}")
    pairs = [_tasks(model, codes) for model in (a, b)]
    if pairs[0] != pairs[1]:
        raise UserError("the models' text tokenizers cut the same words to different ids")
    rows = []
    for task in pairs[0]:
        longest = max(e.length for e in task.rows)
        batch = sequence.assemble(task.rows, longest, image_position=a.run_config.model.image_position)
        logits = [_logits(m.decoder, m.params, batch["tokens"], batch["segments"], batch["positions"]) for m in (a, b)]
        rows.append(Row(f"logits, {task.name}", largest(*map(np.asarray, logits))))
        rows.append(_answers_row(a, b, task) if task.span is None else _tokens_row(a, b, task, task.span, tolerance))
    return rows


def _tasks(model: Model, codes: np.ndarray) -> list[Task]:
    """The three tasks, for image codes int32 [2, n]; without tasks whose rows exceed the model's positions."""
    vocab, tok = model.vocab, model.tokenizer
    room = model.decoder.config.max_length - model.decoder.config.image_position
    n = codes.shape[1]
    texts = [text for text in TEXTS if len(tok.encode(text)) + n + 8 <= room]
    images = [sequence.to_image(vocab, tok, text, c, model.text_length) for text, c in zip(texts, codes)]
    captions = [sequence.fit(sequence.to_caption(vocab, tok, c, text), room) for text, c in zip(TEXTS, codes)]
    attributes = [
        sequence.to_attributes(vocab, tok, c, [(templates.attribute_question(name), answer)])
        for c in codes
        for name, answer in QUESTIONS
    ]
    attributes = [example for example in attributes if example.length <= room]
    length = min(CAPTION_LENGTH, room - len(captions[0].prefix))
    before_answers = [sequence.image_prefix(vocab, tok, ATTRIBUTE_PROMPT, c) for c in codes]
    before_captions = [sequence.image_prefix(vocab, tok, CAPTION_PROMPT, c) for c in codes]
    tasks = (
        Task("to image", images, [tuple(e.prefix) for e in images], grammar.image(vocab, n)),
        Task("to caption", captions, before_captions, grammar.text(vocab, length)),
        Task("to attributes", attributes, before_answers, None),
    )
    return [task for task in tasks if task.rows]


@functools.partial(jax.jit, static_argnums=0)
def _logits(
    decoder: Decoder, params: Params, tokens: jax.Array, segments: jax.Array, positions: jax.Array
) -> jax.Array:
    """Rows of ids, segments and positions, int32 [B, T] -> logits, float32 [B, T, ids]."""
    return apply_decoder(decoder, params, tokens, segments, positions)


@functools.partial(jax.jit, static_argnums=0)
def _decode(model: VQGAN, params: Params, codes: jax.Array) -> Any:
    """Codes int32 [B, N] -> output of the VQGAN's decoder, float32 [B, R, R, 3], neither clipped nor rounded."""
    return model.apply({"params": params}, codes, method="decode_codes")


def _greedy(model: Model, prefixes: Sequence[tuple[int, ...]], span: grammar.Grammar) -> list[list[int]]:
    requests = [decoding.Request((prefix,), span) for prefix in prefixes]
    drawn = decoding.generate(model.engine, requests, Sampler(temperature=0.0))
    return [np.asarray(row).tolist() for row in drawn]


def _tokens_row(a: Model, b: Model, task: Task, span: grammar.Grammar, tolerance: float) -> Row:
    """How many of the greedy sequences of both models differ; differences at a tie do not count."""
    drawn = [_greedy(model, task.prefixes, span) for model in (a, b)]
    wrong, ties = 0, 0
    for prefix, first, second in zip(task.prefixes, *drawn):
        if first == second:
            continue
        longest = min(len(first), len(second))
        at = next((i for i in range(longest) if first[i] != second[i]), longest)
        if at < longest and _gap(a, prefix, first[:at], first[at], second[at]) <= tolerance:
            ties += 1
        else:
            wrong += 1
    note = f"{len(task.prefixes)} sequences" + (f", {ties} parted at a tie" if ties else "")
    return Row(f"greedy tokens, {task.name}", float(wrong), note + (f", {wrong} differ" if wrong else ""))


def _gap(model: Model, prefix: Sequence[int], common: Sequence[int], one: int, other: int) -> float:
    """Difference of two ids' logits after a prefix and the ids that both models generated."""
    task = sequence.TO_IMAGE if one >= model.vocab.text_size else sequence.TO_CAPTION
    branch = sequence.Branch((), (*common, one))
    example = sequence.Example(tuple(prefix), (branch,), task, sequence.image_index(model.vocab, prefix))
    batch = sequence.assemble([example], example.length, image_position=model.run_config.model.image_position)
    logits = _logits(model.decoder, model.params, batch["tokens"], batch["segments"], batch["positions"])
    scores = np.asarray(logits)[0, len(prefix) + len(common) - 1]
    return abs(float(scores[one] - scores[other]))


def _answers_row(a: Model, b: Model, task: Task) -> Row:
    """The largest difference of the probabilities of answers to questions that both models know."""
    questions = [x for x in a.schema if x in b.schema]
    if not questions:
        return Row(f"answers, {task.name}", 0.0, "no question that both know")
    answers = [scoring.score_attributes(m.engine, m.tokenizer, task.prefixes, questions) for m in (a, b)]
    difference, wrong = 0.0, 0
    for first, second in zip(*answers):
        for name in first:
            difference = max(difference, largest(first[name], second[name]))
            wrong += int(first[name].argmax() != second[name].argmax())
    note = f"{len(questions)} questions" + (f", {wrong} most likely answers differ" if wrong else "")
    return Row(f"answers, {task.name}", difference, note)


def largest(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference of two arrays' numbers; infinite if their shapes differ, or one has NaN or infinity."""
    if a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return float("inf")
    return float(np.max(np.abs(a.astype(np.float64) - b.astype(np.float64)), initial=0.0))
