"""A face of a store -> one row's example: its task, view and text, all drawn from one generator.

n codes per image.
"""

import bisect
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from t2f_jax.config import limits
from t2f_jax.config.schema import DecoderRunConfig
from t2f_jax.data.datasets.base import Split
from t2f_jax.data.store import Store
from t2f_jax.errors import UserError
from t2f_jax.io.arrays import row_reader
from t2f_jax.tokens import sequence, templates
from t2f_jax.tokens.attributes import Fields
from t2f_jax.tokens.captions import write_caption
from t2f_jax.tokens.clauses import drop_clauses
from t2f_jax.tokens.phrases import PHRASES, Phrases
from t2f_jax.tokens.plain_captions import plain_caption
from t2f_jax.tokens.sequence import Branch, Example
from t2f_jax.tokens.vocab import Vocab


class Writer:
    """Writes examples of a store's faces.

    Args:
      phrases: the phrases for labels, for each source; `tokens.phrases` for sources without an entry.

    Raises:
      UserError: `decoder.sequence_length` cannot hold an image and a question about it, no task has a share, or
        `decoder.tasks.coarse_codes` is more than an image's codes.
    """

    def __init__(
        self,
        store: Store,
        vocab: Vocab,
        tok: sequence.Encoder,
        config: DecoderRunConfig,
        phrases: Mapping[str, Phrases] | None = None,
    ):
        self._store, self._vocab, self._tok, self._config = store, vocab, tok, config
        self._phrases = phrases or {}
        self._schemas = {name: {a.name: a for a in store.schema(name)} for name in store.sources}
        self._faces: dict[tuple[str, str], tuple[int, Callable[[int, int], np.ndarray], Sequence[Fields]]] = {}
        self._costs: dict[tuple[str, str | int], int] = {}
        self._branches: dict[tuple[str, str, str | int], Branch] = {}
        tasks = config.tasks
        shares = (tasks.to_image, tasks.to_caption, tasks.to_attributes)
        limits.check_tasks(tasks)
        self._until = (np.cumsum(shares) / sum(shares)).tolist()  # the end of each task's part of 0..1
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
        if self._config.tasks.coarse_codes > n:
            raise UserError(
                f"decoder.tasks.coarse_codes={self._config.tasks.coarse_codes}: an image has {n} codes; set at most {n}"
            )

    def example(self, source: str, split: Split, i: int, rng: np.random.Generator) -> Example:
        """One row about face `i`, at most `sequence_length` ids once assembled; the loss weight is its task's."""
        tasks, length = self._config.tasks, self._config.sequence_length
        views, read_codes, all_fields = self._part(source, split)
        codes_n = read_codes(i, int(rng.integers(views)) if views > 1 else 0)
        fields = all_fields[i]
        if tasks.number_noise:
            fields = self.noisy(source, fields, rng)
        known, phrases = fields["attributes"], self._phrases.get(source, PHRASES)
        task = bisect.bisect_right(self._until, rng.random())
        if task == sequence.TO_IMAGE:
            room = min(self._config.text_length, length - len(codes_n))
            text = self._image_text(fields, phrases, room, rng)
            coarse = (tasks.coarse_codes, tasks.coarse_weight)
            return sequence.to_image(self._vocab, self._tok, text, codes_n, room, tasks.image_weight, coarse)
        kept = self._kept_codes(len(codes_n), rng) if split == "train" and tasks.code_dropout else None
        if task == sequence.TO_CAPTION or not known:
            caption = self._caption(fields, phrases, rng, tasks.caption_style == "plain")
            example = sequence.to_caption(self._vocab, self._tok, codes_n, caption, tasks.caption_weight, kept)
        else:
            names = list(known)
            chosen = [names[k] for k in rng.permutation(len(names))[: tasks.attributes_per_face or None].tolist()]
            branches = tuple(self._branch(source, name, known[name]) for name in chosen)
            example = sequence.of_branches(self._vocab, self._tok, codes_n, branches, tasks.attribute_weight, kept)
        example = sequence.fit(example, length)
        if example.task == sequence.TO_ATTRIBUTES and tasks.attribute_weight_per == "row":
            example.weight /= sum(len(branch.answer) for branch in example.branches)
        return example

    def _kept_codes(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """The places of an image's n codes that a row keeps; each row leaves out a share of its own."""
        share = rng.uniform(0, 2 * self._config.tasks.code_dropout)
        kept = rng.random(n) >= share
        kept[: self._config.tasks.coarse_codes] = True
        return np.flatnonzero(kept)

    def noisy(self, source: str, fields: Fields, rng: np.random.Generator) -> Fields:
        """The fields with normal noise on their numbers, rounded, within the attributes' ranges."""
        share, known = self._config.tasks.number_noise, dict(fields["attributes"])
        for name, value in known.items():
            attribute = self._schemas[source][name]
            if attribute.is_number and isinstance(value, int):
                noisy = round(rng.normal(value, share * abs(value)))
                known[name] = min(max(noisy, attribute.low), attribute.high)
        return {**fields, "attributes": known}

    def _part(self, source: str, split: Split) -> tuple[int, Callable[[int, int], np.ndarray], Sequence[Fields]]:
        """For a source's split: number of views, (face, view) -> codes [n], fields of each face."""
        if (source, split) not in self._faces:
            codes_NxVxn = self._store.codes(source, split)
            self._faces[source, split] = (
                codes_NxVxn.shape[1],
                row_reader(codes_NxVxn),
                self._store.fields(source, split),
            )
        return self._faces[source, split]

    def _branch(self, source: str, name: str, value: str | int) -> Branch:
        """The branch with an attribute's question and the answer `value`."""
        key = source, name, value
        branch = self._branches.get(key)
        if branch is None:
            answer = templates.attribute_answer(self._schemas[source][name], value)
            question = templates.attribute_question(name)
            branch = self._branches[key] = sequence.branch(self._vocab, self._tok, question, answer)
        return branch

    def _image_text(self, fields: Fields, phrases: Phrases, room: int, rng: np.random.Generator) -> str:
        """A caption, attributes in random order, or both: as many attributes as fit into a prefix of `room` ids.

        Empty with probability `prompt_dropout`.
        """
        tasks, known, kind = self._config.tasks, fields["attributes"], rng.random()
        if rng.random() < tasks.prompt_dropout:
            return ""
        if not known or kind < tasks.caption_share:
            return templates.image_text(self._prompt_caption(fields, phrases, rng))
        has_caption = kind >= tasks.caption_share + tasks.attribute_share
        caption = self._prompt_caption(fields, phrases, rng) if has_caption else None
        room -= len(sequence.text_prefix(self._vocab, self._tok, caption or "", None))
        names = list(known)
        some: dict[str, str | int] = {}
        for k in rng.permutation(len(names))[: rng.integers(1, len(names) + 1)].tolist():
            name, value = names[k], known[names[k]]
            room -= self._cost(name, value)
            if room < 0 and (some or caption):
                break
            some[name] = value
        return templates.image_text(caption, some)

    def _cost(self, name: str, value: str | int) -> int:
        """Number of ids of an attribute in a list, including its comma."""
        cost = self._costs.get((name, value))
        if cost is None:
            text = f", {templates.attributes_text({name: value})}"
            cost = self._costs[name, value] = len(self._tok.encode(text))
        return cost

    def _prompt_caption(self, fields: Fields, phrases: Phrases, rng: np.random.Generator) -> str:
        caption, share = self._caption(fields, phrases, rng), self._config.tasks.clause_dropout
        return drop_clauses(caption, share, rng) if share else caption

    def _caption(self, fields: Fields, phrases: Phrases, rng: np.random.Generator, plain: bool = False) -> str:
        """One of the face's own captions; if it has none, or with probability `label_captions`, one from its labels."""
        own, known, share = fields["captions"], fields["attributes"], self._config.tasks.label_captions
        if own and not (share and known and rng.random() < share):
            return own[rng.integers(len(own))]
        return plain_caption(known, phrases) if plain else write_caption(known, rng, phrases=phrases)
