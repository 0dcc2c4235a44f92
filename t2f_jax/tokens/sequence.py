"""Prompts, images and answers -> rows of ids, segments, positions and loss weights (numpy only).

A row is a prefix (read in both directions) followed by branches (each read left to right, blind to the other branches).
Axis legend: B rows of a batch, L length of a row.
"""

import dataclasses
import functools
from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np

from t2f_jax.tokens.templates import ATTRIBUTE_PROMPT, CAPTION_PROMPT, IMAGE_PROMPT
from t2f_jax.tokens.vocab import Vocab

TO_IMAGE, TO_CAPTION, TO_ATTRIBUTES = 0, 1, 2
TASKS = ("to_image", "to_caption", "to_attributes")


class Encoder(Protocol):
    """The one thing that a row asks of a text tokenizer (which is hashable, by identity if nothing else)."""

    def encode(self, text: str) -> list[int]:
        """Ids of a text, no special ones among them."""
        ...


@dataclasses.dataclass(frozen=True)
class Branch:
    """A continuation of the prefix: `given` ids are conditioned on, `answer` ids (with a closing [SEP]) are scored."""

    given: tuple[int, ...]
    answer: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Example:
    """One row: a prefix, its branches, the task (TO_IMAGE, ...), where its image begins, the weight of its targets."""

    prefix: tuple[int, ...]
    branches: tuple[Branch, ...]
    task: int
    image_index: int  # ids before the first code
    weight: float = 1.0

    @property
    def length(self) -> int:
        """Ids in the row."""
        return len(self.prefix) + sum(len(b.given) + len(b.answer) for b in self.branches)


@functools.lru_cache(maxsize=4096)
def _encode(tok: Encoder, text: str) -> tuple[int, ...]:
    return tuple(tok.encode(text))


def text_prefix(vocab: Vocab, tok: Encoder, text: str, text_length: int = 64) -> tuple[int, ...]:
    """[CLS] to image [SEP] TEXT [SEP], cut to `text_length` ids as in the original (a cut one has no final [SEP])."""
    ids = (vocab.cls, *_encode(tok, IMAGE_PROMPT), vocab.sep, *tok.encode(text), vocab.sep)
    return ids[:text_length]


def image_prefix(vocab: Vocab, tok: Encoder, prompt: str, codes: np.ndarray) -> tuple[int, ...]:
    """[CLS] PROMPT [SEP] IMG [SEP] for codes [n] in 0..image_size-1; PROMPT is CAPTION_PROMPT or ATTRIBUTE_PROMPT."""
    return (vocab.cls, *_encode(tok, prompt), vocab.sep, *vocab.image_ids(codes).tolist(), vocab.sep)


def image_index(vocab: Vocab, prefix: Sequence[int]) -> int:
    """How many ids stand before an image: before the prefix's first code, or all of them if the image comes behind."""
    first, count = vocab.image_span
    return next((i for i, token in enumerate(prefix) if first <= token < first + count), len(prefix))


def question(tok: Encoder, text: str) -> tuple[int, ...]:
    """Ids of a branch's given part, such as "gender :"."""
    return _encode(tok, text)


def answer(vocab: Vocab, tok: Encoder, text: str) -> tuple[int, ...]:
    """Ids of an attribute's answer with its closing [SEP]."""
    return (*_encode(tok, text), vocab.sep)


def to_image(vocab: Vocab, tok: Encoder, text: str, codes: np.ndarray, text_length: int = 64) -> Example:
    """Text -> image codes [n] (row-major); the image has no end token."""
    branch, prefix = Branch((), tuple(vocab.image_ids(codes).tolist())), text_prefix(vocab, tok, text, text_length)
    return Example(prefix, (branch,), TO_IMAGE, len(prefix))


def to_caption(vocab: Vocab, tok: Encoder, codes: np.ndarray, caption: str) -> Example:
    """Image codes [n] -> caption [SEP]."""
    branch = Branch((), (*tok.encode(caption), vocab.sep))
    prefix = image_prefix(vocab, tok, CAPTION_PROMPT, codes)
    return Example(prefix, (branch,), TO_CAPTION, image_index(vocab, prefix))


def to_attributes(vocab: Vocab, tok: Encoder, codes: np.ndarray, pairs: Iterable[tuple[str, str]]) -> Example:
    """Image codes [n] -> one branch for each (question, answer text) pair, such as ("gender :", "male")."""
    branches = tuple(Branch(question(tok, q), answer(vocab, tok, a)) for q, a in pairs)
    prefix = image_prefix(vocab, tok, ATTRIBUTE_PROMPT, codes)
    return Example(prefix, branches, TO_ATTRIBUTES, image_index(vocab, prefix))


def fit(example: Example, length: int) -> Example:
    """The example cut to `length` ids: a caption loses its end, attributes their last branches, an image nothing."""
    if example.length <= length:
        return example
    if example.task == TO_CAPTION:
        (branch,) = example.branches
        room = max(length - len(example.prefix) - len(branch.given), 0)
        return dataclasses.replace(example, branches=(Branch(branch.given, branch.answer[:room]),))
    branches = example.branches
    while len(branches) > 1 and example.length > length:
        branches = branches[:-1]
        example = dataclasses.replace(example, branches=branches)
    return example


def trimmed(examples: Sequence[Example], sequence_length: int, trim: int) -> int:
    """Length of a batch's rows: a multiple of `trim` that holds the longest example, at most `sequence_length`.

    Lengths differ then from batch to batch, and each is compiled once: a coarse `trim` is for many steps, a fine one
    for dear ones. 0: always `sequence_length`.
    """
    longest = max(e.length for e in examples)
    return min(-(-longest // trim) * trim, sequence_length) if trim else sequence_length


def assemble(
    examples: Sequence[Example], length: int, loss_span: str = "suffix", image_position: int = 0
) -> dict[str, np.ndarray]:
    """Examples -> arrays of one batch.

    A prefix p q r, one branch with given x and answer A z (z = [SEP]), another with given y and answer B z, length 10:

        tokens     p  q  r  x  A  z  y  B  z  0     0 = [PAD] (id 0: what stands at a pad is never looked at)
        segments   1  1  1  2  2  2  3  3  3  0     1 prefix, 2+b branch b, 0 pad
        positions  0  1  2  3  4  5  3  4  5  0     every branch starts at the prefix's length
        targets    q  r  0  A  z  0  B  z  0  0     the next id of the same prefix or branch
        weights    0  0  0  1  1  0  1  1  0  0     "suffix": answers only; "all": wherever there is a next id

    With a single branch the last prefix id has a target, too: the branch's first id. If nothing is given that is an
    answer, so it is weighted (the first image id of a to-image row). A weighted target counts `Example.weight`.

    Args:
      examples: B examples. A caption that is too long is cut; see `fit` for the rest.
      length: L.
      loss_span: "suffix" or "all" (the original's release rule: every position whose next id is no pad).
      image_position: if not 0, the position of every image's first code: positions jump there from the words before
        it, and run on behind it. A code then knows its place on the grid, however long the words are.

    Returns:
      tokens, targets, segments, positions int32 [B,L]; weights float32 [B,L]; task int32 [B].

    Raises:
      ValueError: an example is longer than L, or one of several branches has nothing given.
    """
    shape = (len(examples), length)
    tokens, targets, segments, positions = (np.zeros(shape, np.int32) for _ in range(4))
    weights = np.zeros(shape, np.float32)
    task = np.zeros(len(examples), np.int32)
    ramp = np.arange(length, dtype=np.int32)
    everything = loss_span == "all"
    for row, example in enumerate(examples):
        if example.task == TO_CAPTION and example.length > length:
            example = fit(example, length)
        if example.length > length:
            raise ValueError(f"row {row} ({TASKS[example.task]}) has {example.length} ids; at most {length} fit")
        start, weight, single = len(example.prefix), example.weight, len(example.branches) == 1
        task[row] = example.task
        ids = list(example.prefix)
        for branch in example.branches:
            ids += branch.given
            ids += branch.answer
        n = len(ids)
        tokens[row, :n] = ids
        targets[row, : n - 1] = tokens[row, 1:n]
        segments[row, :start] = 1
        positions[row, :start] = ramp[:start]
        if everything:
            weights[row, : start - 1 + single] = weight
        if not single:
            targets[row, start - 1] = 0
        at = start
        for index, branch in enumerate(example.branches):
            given, end = len(branch.given), at + len(branch.given) + len(branch.answer)
            if not given and not single:
                raise ValueError(
                    f"row {row}: a branch beside others needs a given part, else they share one target place"
                )
            segments[row, at:end] = 2 + index
            positions[row, at:end] = ramp[start : start + end - at]
            weights[row, (at if everything else at + given - 1) : end - 1] = weight
            weights[row, end - 1] = targets[row, end - 1] = 0
            at = end
        if image_position:
            behind = positions[row, :n] >= example.image_index
            positions[row, :n] += behind * np.int32(image_position - example.image_index)
    return {
        "tokens": tokens,
        "targets": targets,
        "weights": weights,
        "segments": segments,
        "positions": positions,
        "task": task,
    }
