"""Prompts, images and answers -> rows of ids, segments, positions and loss weights.

A row is a prefix (read in both directions) followed by branches (each read left to right, blind to the other branches).
Axis legend: B rows of a batch, L length of a row.
"""

import dataclasses
import functools
from array import array
from collections.abc import Iterable, Sequence
from typing import NotRequired, Protocol, TypedDict, cast

import numpy as np

from t2f_jax.tokens.templates import ATTRIBUTE_PROMPT, CAPTION_PROMPT, IMAGE_PROMPT
from t2f_jax.tokens.vocab import Vocab

TO_IMAGE, TO_CAPTION, TO_ATTRIBUTES = 0, 1, 2
TASKS = ("to_image", "to_caption", "to_attributes")
_INT32 = "i"  # to `array`


class Batch(TypedDict):
    """The arrays of a batch: B rows of L places."""

    tokens: np.ndarray  # int32 [B, L]: ids
    targets: np.ndarray  # int32 [B, L]: the id that a place predicts
    weights: np.ndarray  # float32 [B, L]: weight of the loss at a place
    segments: np.ndarray  # int32 [B, L]: 0 pad, 1 prefix, 2 + b branch b
    positions: np.ndarray  # int32 [B, L]
    task: np.ndarray  # int32 [B], in packed rows [B, L]: TO_IMAGE, ... of the row or the place
    documents: NotRequired[np.ndarray]  # int32 [B, L], in packed rows: number of a place's example, from 1; 0 pad
    mask: NotRequired[np.ndarray]  # float32 [B], in held-out batches: 0 for a row that only pads the batch


def blank(rows: int, length: int, packed: bool = False) -> Batch:
    """A training batch of only pads: zeros of the shapes and types that every training batch has."""

    def zeros(kind: type = np.int32) -> np.ndarray:
        return np.zeros((rows, length), kind)

    batch = Batch(
        tokens=zeros(),
        targets=zeros(),
        weights=zeros(np.float32),
        segments=zeros(),
        positions=zeros(),
        task=zeros() if packed else np.zeros(rows, np.int32),
    )
    if packed:
        batch["documents"] = zeros()
    return batch


class Encoder(Protocol):
    """The part of a text tokenizer that rows need. It is hashable, at least by identity."""

    def encode(self, text: str) -> list[int]:
        """Ids of a text, without special ones."""
        ...


def arrays(batch: Batch) -> dict[str, np.ndarray]:
    """The arrays of a batch by name: the same dictionary, for code that treats all arrays alike."""
    return cast(dict[str, np.ndarray], batch)


# Text ids are a tuple. Ids with an image are an array of int32, which is joined and copied as one piece: Python
# numbers, 256 per image, would take a fifth of the time needed to make training rows.
Ids = tuple[int, ...] | array


def _joined(*parts: Ids) -> array:
    ids = array(_INT32)
    for part in parts:
        ids.extend(part)
    return ids


def _image_ids(vocab: Vocab, codes: np.ndarray) -> array:
    return array(_INT32, vocab.image_ids(codes).tobytes())


@dataclasses.dataclass(slots=True)  # not frozen: creation then takes a fourth of the time
class Branch:
    """A continuation of the prefix: the model is given the `given` ids and scored on `answer` (with its [SEP])."""

    given: Ids
    answer: Ids


@dataclasses.dataclass(slots=True)
class Example:
    """One row: a prefix, its branches, the task (TO_IMAGE, ...), the start of its image, the weight of its targets."""

    prefix: Ids
    branches: tuple[Branch, ...]
    task: int
    image_index: int  # ids before the first code
    weight: float = 1.0
    coarse: tuple[int, float] = (0, 1.0)  # (n, w): the first n codes of a generated image have w times the weight
    gaps: np.ndarray | None = dataclasses.field(default=None, compare=False)  # of `gaps_of`, if codes are left out
    length: int = dataclasses.field(init=False, compare=False)  # ids in the row

    def __post_init__(self) -> None:
        length = len(self.prefix)
        for each in self.branches:
            length += len(each.given) + len(each.answer)
        self.length = length


def gaps_of(kept: np.ndarray, n: int) -> np.ndarray:
    """Places [k] in 0..n-1, increasing -> int32 [k+1]: how many of n codes are missing before each one and in all."""
    return (np.append(kept, n) - np.arange(len(kept) + 1)).astype(np.int32)


@functools.lru_cache(maxsize=4096)
def _encode(tok: Encoder, text: str) -> tuple[int, ...]:
    return tuple(tok.encode(text))


def text_prefix(vocab: Vocab, tok: Encoder, text: str, text_length: int | None = 64) -> tuple[int, ...]:
    """[CLS] to image [SEP] TEXT [SEP], cut to `text_length` ids as in the original (if cut, it has no final [SEP]).

    None: it is not cut.
    """
    ids = (vocab.cls, *_encode(tok, IMAGE_PROMPT), vocab.sep, *tok.encode(text), vocab.sep)
    return ids[:text_length]


def image_prefix(vocab: Vocab, tok: Encoder, prompt: str, codes: np.ndarray) -> tuple[int, ...]:
    """[CLS] PROMPT [SEP] IMG [SEP] for codes [n] in 0..image_size-1; PROMPT is CAPTION_PROMPT or ATTRIBUTE_PROMPT."""
    return tuple(_image_prefix(vocab, tok, prompt, codes))


def _image_prefix(vocab: Vocab, tok: Encoder, prompt: str, codes: np.ndarray) -> array:
    words = (vocab.cls, *_encode(tok, prompt), vocab.sep)
    return _joined(words, _image_ids(vocab, codes), (vocab.sep,))


def image_index(vocab: Vocab, prefix: Sequence[int]) -> int:
    """The number of ids before an image: those before the prefix's first code, or the whole prefix if it has none."""
    first, count = vocab.image_span
    return next((i for i, token in enumerate(prefix) if first <= token < first + count), len(prefix))


def question(tok: Encoder, text: str) -> tuple[int, ...]:
    """Ids of a branch's given part, such as "gender :"."""
    return _encode(tok, text)


def answer(vocab: Vocab, tok: Encoder, text: str) -> tuple[int, ...]:
    """Ids of an attribute's answer with its closing [SEP]."""
    return (*_encode(tok, text), vocab.sep)


def branch(vocab: Vocab, tok: Encoder, given: str, text: str) -> Branch:
    """The branch of a question such as "gender :" and the text of its answer, such as "male"."""
    return Branch(question(tok, given), answer(vocab, tok, text))


def to_image(
    vocab: Vocab,
    tok: Encoder,
    text: str,
    codes: np.ndarray,
    text_length: int = 64,
    weight: float = 1.0,
    coarse: tuple[int, float] = (0, 1.0),
) -> Example:
    """Text -> image codes [n] (row-major); the image has no end token."""
    image, prefix = Branch((), _image_ids(vocab, codes)), text_prefix(vocab, tok, text, text_length)
    return Example(prefix, (image,), TO_IMAGE, len(prefix), weight, coarse)


def to_caption(
    vocab: Vocab, tok: Encoder, codes: np.ndarray, caption: str, weight: float = 1.0, kept: np.ndarray | None = None
) -> Example:
    """Image codes [n] -> caption [SEP]; with `kept`, the places of some codes, the others are left out."""
    words = Branch((), (*tok.encode(caption), vocab.sep))
    return _of_image(vocab, tok, CAPTION_PROMPT, codes, (words,), TO_CAPTION, weight, kept)


def to_attributes(vocab: Vocab, tok: Encoder, codes: np.ndarray, pairs: Iterable[tuple[str, str]]) -> Example:
    """Image codes [n] -> one branch for each (question, answer text) pair, such as ("gender :", "male")."""
    return of_branches(vocab, tok, codes, tuple(branch(vocab, tok, q, a) for q, a in pairs))


def of_branches(
    vocab: Vocab,
    tok: Encoder,
    codes: np.ndarray,
    branches: tuple[Branch, ...],
    weight: float = 1.0,
    kept: np.ndarray | None = None,
) -> Example:
    """Image codes [n] -> attributes, from finished branches; `kept` as in `to_caption`."""
    return _of_image(vocab, tok, ATTRIBUTE_PROMPT, codes, branches, TO_ATTRIBUTES, weight, kept)


def _of_image(
    vocab: Vocab,
    tok: Encoder,
    prompt: str,
    codes: np.ndarray,
    branches: tuple[Branch, ...],
    task: int,
    weight: float,
    kept: np.ndarray | None,
) -> Example:
    gaps = None if kept is None else gaps_of(kept, len(codes))
    codes = codes if kept is None else codes[kept]
    prefix = _image_prefix(vocab, tok, prompt, codes)
    return Example(prefix, branches, task, len(prefix) - len(codes) - 1, weight, gaps=gaps)


def fit(example: Example, length: int) -> Example:
    """Cuts an example to `length` ids: a caption loses its end, attributes their last branches; images are not cut."""
    if example.task == TO_CAPTION and example.gaps is not None:
        length -= int(example.gaps[-1])  # the caption's positions follow those of the whole image
    if example.length <= length:
        return example
    if example.task == TO_CAPTION:
        (words,) = example.branches
        room = max(length - len(example.prefix) - len(words.given), 0)
        return dataclasses.replace(example, branches=(Branch(words.given, words.answer[:room]),))
    kept, rest = len(example.branches), example.length
    while kept > 1 and rest > length:
        kept -= 1
        rest -= len(example.branches[kept].given) + len(example.branches[kept].answer)
    return dataclasses.replace(example, branches=example.branches[:kept])


def trimmed(examples: Sequence[Example], sequence_length: int, trim: int) -> int:
    """Length of a batch's rows: a multiple of `trim` that holds the longest example, at most `sequence_length`.

    0: always `sequence_length`. Otherwise lengths differ between batches, and the step is compiled once for each. A
    large `trim` gives few lengths, so few compilations; a small one leaves few pads, so a step costs less.
    """
    longest = max(e.length for e in examples)
    return min(-(-longest // trim) * trim, sequence_length) if trim else sequence_length


def assemble(examples: Sequence[Example], length: int, loss_span: str = "suffix", image_position: int = 0) -> Batch:
    """Examples -> arrays of one batch.

    A prefix p q r, one branch with given x and answer A z (z = [SEP]), another with given y and answer B z, length 10:

        tokens     p  q  r  x  A  z  y  B  z  0     0 = [PAD] (id 0: pads are never attended to)
        segments   1  1  1  2  2  2  3  3  3  0     1 prefix, 2+b branch b, 0 pad
        positions  0  1  2  3  4  5  3  4  5  0     every branch starts at the prefix's length
        targets    q  r  0  A  z  0  B  z  0  0     the next id of the same prefix or branch
        weights    0  0  0  1  1  0  1  1  0  0     "suffix": answers only; "all": wherever there is a next id

    Where codes of an image are left out, positions are those of the same ids beside the whole image.

    With a single branch the last prefix id has a target, too: the branch's first id. If the branch has no given ids,
    that is an answer, so it is weighted (the first image id of a to-image row). A weighted target counts
    `Example.weight`.

    Args:
      examples: B examples. A caption that is too long is cut; see `fit` for the rest.
      length: L.
      loss_span: "suffix" or "all" (the original's release rule: every position whose next id is no pad).
      image_position: if not 0, the position of every image's first code: positions jump there from the text before
        it and continue after it. A code's position then shows its place on the grid, whatever the text's length.

    Raises:
      ValueError: an example is longer than L, or one of several branches has no given ids.
    """
    batch = blank(len(examples), length)
    placed = []
    for row, example in enumerate(examples):
        if example.task == TO_CAPTION:
            example = fit(example, length)
        if example.length > length:
            raise ValueError(f"row {row} ({TASKS[example.task]}) has {example.length} ids; at most {length} fit")
        placed.append((row * length, 1, example))
        batch["task"][row] = example.task
    write(batch, placed, loss_span, image_position)
    return batch


def write(
    batch: Batch, placed: Sequence[tuple[int, int, Example]], loss_span: str = "suffix", image_position: int = 0
) -> None:
    """Writes all examples into a blank batch at once, in a few array operations for any number of examples.

    It writes tokens, targets, weights, segments and positions as `assemble` describes them; in packed rows also each
    place's task and documents.

    Args:
      placed: (place of the example's first id in the batch, counted row by row; its number in its row; the example),
        sorted by place.
      loss_span, image_position: see `assemble`.
    """
    ids, spans, examples = _laid_out(placed, loss_span == "all")
    size, segment, origin, scored, until = np.array([span[:5] for span in spans], np.int32).T
    weight = np.array([span[5] for span in spans], np.float32)
    end = np.cumsum(size, dtype=np.int32)
    targets = np.empty(len(ids), np.int32)
    tokens = np.frombuffer(ids, np.int32)
    targets[:-1] = tokens[1:]
    unpredicting = end[until < size] - 1  # ids without a target: the last of a branch; of a prefix if it has several
    targets[unpredicting] = 0
    positions = np.arange(len(ids), dtype=np.int32) + np.repeat(origin + size - end, size)
    size_of_example, image_index, task, number = np.array(examples, np.int32).T
    if image_position:
        index = np.repeat(image_index, size_of_example)
        positions += (positions >= index) * (image_position - index)
    for at, _, example in placed:
        if example.gaps is not None:  # positions stay those of the whole image
            begin = at - placed[0][0]
            image = begin + example.image_index
            rest = image + len(example.gaps) - 1
            positions[image:rest] += example.gaps[:-1]
            positions[rest : begin + example.length] += example.gaps[-1]
    positions *= np.repeat(segment > 0, size)
    # In a span, only the ids from `scored` up to `until` are scored.
    until = np.maximum(scored, until)
    parts = np.stack([scored, until - scored, size - until], axis=1)
    weights = np.repeat((weight[:, None] * np.array([0, 1, 0], np.float32)).ravel(), parts.ravel())
    weights[unpredicting] = 0
    for at, _, example in placed:
        count, times = example.coarse
        if count:
            begin = at - placed[0][0] + len(example.prefix) - 1  # the place that predicts the first code
            weights[begin : begin + count] *= np.float32(times)
    values = {
        "tokens": tokens,
        "targets": targets,
        "weights": weights,
        "segments": np.repeat(segment, size),
        "positions": positions,
    }
    if "documents" in batch:
        values |= {"task": np.repeat(task, size_of_example), "documents": np.repeat(number, size_of_example)}
    first = placed[0][0]
    for name, each in values.items():
        arrays(batch)[name].reshape(-1)[first : first + len(ids)] = each


def _laid_out(
    placed: Sequence[tuple[int, int, Example]], everything: bool
) -> tuple[array, list[tuple[int, int, int, int, int, float]], list[tuple[int, int, int, int]]]:
    """The layout of everything from the first to the last place, including the pads between examples.

    Returns:
      ids; for each prefix, branch and row of pads (size, segment, position of its first id, its first scored place, the
      place after the last scored one, weight); for each example (size, image_index, task, number).
    """
    ids, spans, examples = array(_INT32), [], []
    for at, number, example in placed:
        if pads := at - placed[0][0] - len(ids):
            ids.frombytes(bytes(pads * ids.itemsize))
            spans.append((pads, 0, 0, 0, 0, 0.0))
            examples.append((pads, 0, 0, 0))
        first, start, weight = len(ids), len(example.prefix), example.weight
        single = len(example.branches) == 1
        begins = single and not example.branches[0].given  # the prefix's last id predicts an answer's first
        ids.extend(example.prefix)
        scored = 0 if everything else start - 1 if begins else start
        spans.append((start, 1, 0, scored, start - 1 + single, weight))
        for index, branch in enumerate(example.branches, 2):
            given, answer = branch.given, branch.answer
            if not given and not single:
                raise ValueError("a branch beside others needs a given part, else they share one target place")
            ids.extend(given)
            ids.extend(answer)
            size = len(given) + len(answer)
            scored = 0 if everything else max(len(given) - 1, 0)
            spans.append((size, index, start, scored, size - 1, weight))
        examples.append((len(ids) - first, example.image_index, example.task, number))
    return ids, spans, examples
