"""A face of a store -> one row's example: which task, which view, which words, all drawn from one generator.

n codes an image.
"""

import dataclasses
from typing import Any

import numpy as np

from t2f_jax.config.schema import DecoderRunConfig
from t2f_jax.data.store import Store
from t2f_jax.errors import UserError
from t2f_jax.tokens import sequence, templates
from t2f_jax.tokens.captions import write_caption
from t2f_jax.tokens.vocab import Vocab


class Writer:
    """Writes examples of a store's faces.

    Raises:
      UserError: `decoder.sequence_length` cannot hold an image and a question about it, or no task has a share.
    """

    def __init__(self, store: Store, vocab: Vocab, tok: sequence.Encoder, config: DecoderRunConfig):
        self._store, self._vocab, self._tok, self._config = store, vocab, tok, config
        self._schemas = {name: {a.name: a for a in store.schema(name)} for name in store.sources}
        self._costs: dict[tuple[str, str | int], int] = {}
        tasks = config.tasks
        shares = (tasks.to_image, tasks.to_caption, tasks.to_attributes)
        if min(shares) < 0 or sum(shares) <= 0:
            raise UserError(
                f"decoder.tasks: to_image, to_caption, to_attributes = {shares} must be 0 or more, not all 0"
            )
        self._until = np.cumsum(shares) / sum(shares)  # [3], where a task's part of 0..1 ends
        self._check_length()

    def _check_length(self) -> None:
        n, length = self._store.codes_per_image, self._config.sequence_length
        prefix = sequence.image_prefix(self._vocab, self._tok, templates.ATTRIBUTE_PROMPT, np.zeros(n, np.int32))
        branches = [
            len(sequence.question(self._tok, templates.attribute_question(a.name)))
            + max(len(sequence.answer(self._vocab, self._tok, text)) for text in a.answers())
            for schema in self._schemas.values()
            for a in schema.values()
        ]
        least = len(prefix) + max(branches, default=1)
        if length < least:
            raise UserError(
                f"decoder.sequence_length={length} is too short: an image of {n} codes and the longest question"
                f" about it make {least} ids; set it to {least} or more"
            )

    def example(self, source: str, split: str, i: int, rng: np.random.Generator) -> sequence.Example:
        """One row about face `i`, at most `sequence_length` ids once assembled; the loss weight is its task's."""
        tasks, length = self._config.tasks, self._config.sequence_length
        codes_Vxn = self._store.codes(source, split)[i]
        codes_n = codes_Vxn[rng.integers(len(codes_Vxn))]
        fields = self._store.fields(source, split)[i]
        known = fields["attributes"]
        task = int(np.searchsorted(self._until, rng.random(), side="right"))
        if task == sequence.TO_IMAGE:
            room = min(self._config.text_length, length - len(codes_n))
            text = self._image_text(fields, room, rng)
            example = sequence.to_image(self._vocab, self._tok, text, codes_n, room)
            return dataclasses.replace(example, weight=tasks.image_weight)
        if task == sequence.TO_CAPTION or not known:
            example = sequence.to_caption(self._vocab, self._tok, codes_n, _caption(fields, rng))
            return dataclasses.replace(sequence.fit(example, length), weight=tasks.caption_weight)
        names, schema = list(known), self._schemas[source]
        asked = [names[k] for k in rng.permutation(len(names))[: tasks.attributes_per_face or None]]
        pairs = [(templates.attribute_question(a), templates.attribute_answer(schema[a], known[a])) for a in asked]
        example = sequence.to_attributes(self._vocab, self._tok, codes_n, pairs)
        return dataclasses.replace(sequence.fit(example, length), weight=tasks.attribute_weight)

    def _image_text(self, fields: dict[str, Any], room: int, rng: np.random.Generator) -> str:
        """A caption, attributes in random order, or both: as many attributes as a prefix of `room` ids holds.

        Nothing at all in a share of `prompt_dropout`.
        """
        tasks, known, kind = self._config.tasks, fields["attributes"], rng.random()
        if rng.random() < tasks.prompt_dropout:
            return ""
        if not known or kind < tasks.caption_share:
            return templates.image_text(_caption(fields, rng))
        caption = None if kind < tasks.caption_share + tasks.attribute_share else _caption(fields, rng)
        room -= len(sequence.text_prefix(self._vocab, self._tok, caption or "", 10**6))
        names, some = list(known), {}
        for k in rng.permutation(len(names))[: rng.integers(1, len(names) + 1)]:
            room -= self._cost(names[k], known[names[k]])
            if room < 0 and (some or caption):
                break
            some[names[k]] = known[names[k]]
        return templates.image_text(caption, some)

    def _cost(self, name: str, value: str | int) -> int:
        """Ids that an attribute takes in a list, its comma included."""
        if (name, value) not in self._costs:
            self._costs[name, value] = len(self._tok.encode(f", {templates.attributes_text({name: value})}"))
        return self._costs[name, value]


def _caption(fields: dict[str, Any], rng: np.random.Generator) -> str:
    """One of the face's own captions, or a fresh one of its labels."""
    own = fields["captions"]
    return own[rng.integers(len(own))] if own else write_caption(fields["attributes"], rng)
