"""Which words of a caption METEOR matches with which words of a reference."""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from t2f_jax.evaluation.metrics.meteor_tables import Tables

BEAM = 40  # partial alignments that are kept, as in the Java program


class Match(NamedTuple):
    """A word of the caption matches one of the reference."""

    word: int
    other: int
    module: int  # 0 exact, 1 stem, 2 synonym


@dataclasses.dataclass(frozen=True, slots=True)
class _Partial:
    """An alignment of the reference's first words."""

    matches: tuple[Match, ...] = ()
    used: int = 0  # bit i: word i of the caption is matched
    exact: int = 0  # words matched exactly
    chunks: int = 0

    def rank(self) -> tuple[int, int, int]:
        """Ranks by most exact words, then fewest chunks, then most words."""
        return -self.exact, self.chunks, -len(self.matches)

    def after(self, match: Match) -> "_Partial":
        """Adds a match."""
        last = self.matches[-1] if self.matches else None
        joined = last is not None and (last.word, last.other) == (match.word - 1, match.other - 1)
        return _Partial(
            (*self.matches, match),
            self.used | 1 << match.word,
            self.exact + (match.module == 0),
            self.chunks + (not joined),
        )


def align(caption: Sequence[str], reference: Sequence[str], tables: Tables) -> tuple[Match, ...]:
    """The matches of the best alignment, in the order of the reference; each word is in at most one match.

    Matches whose words have no other match are always included. Among the others, a beam search over the reference
    takes those that `_Partial.rank` prefers, so it takes an inexact one only if that adds no chunk.
    """
    of_reference: list[list[Match]] = [[] for _ in reference]
    for match in _candidates(caption, reference, tables):
        of_reference[match.other].append(match)
    times = Counter(match.word for matches in of_reference for match in matches)
    fixed = {matches[0] for matches in of_reference if len(matches) == 1 and times[matches[0].word] == 1}
    beam = [_Partial(used=sum(1 << match.word for match in fixed))]
    for matches in of_reference:
        if matches and matches[0] in fixed:
            beam = [partial.after(matches[0]) for partial in beam]
        elif matches:
            beam = [
                longer
                for partial in beam
                for longer in (*(partial.after(m) for m in matches if not partial.used >> m.word & 1), partial)
            ]
            beam = sorted(beam, key=_Partial.rank)[:BEAM]
    return min(beam, key=_Partial.rank).matches


def _candidates(caption: Sequence[str], reference: Sequence[str], tables: Tables) -> Iterator[Match]:
    """All pairs of words that match; a pair that matches by stem and by synonym counts twice."""
    known = [tables.of_word(word) for word in caption]
    others = [tables.of_word(word) for word in reference]
    for i, (word, mine) in enumerate(zip(caption, known)):
        for j, (other, theirs) in enumerate(zip(reference, others)):
            if word == other:
                yield Match(i, j, 0)
                continue
            if mine.stem == theirs.stem:
                yield Match(i, j, 1)
            if not mine.synonyms.isdisjoint(theirs.synonyms):
                yield Match(i, j, 2)
