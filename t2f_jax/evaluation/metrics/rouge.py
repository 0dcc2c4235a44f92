"""ROUGE-L of captions, as in COCO's evaluation code.

Source: Lin, ROUGE, 2004, section 3. COCO takes the best precision and the best recall over the references, which may
be two different ones; the usual F1 with the best single reference is another number.
"""

from collections.abc import Sequence

BETA = 1.2  # recall counts BETA² times as much as precision


def rouge_l(caption: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """F of the longest common subsequence, 0 to 1.

    Args:
      caption: its tokens, see `ptb.ptb_tokens`.
      references: the tokens of one or more references.
    """
    common = [longest_common_subsequence(caption, reference) for reference in references]
    precision = max(common, default=0) / max(len(caption), 1)
    recall = max((n / max(len(reference), 1) for n, reference in zip(common, references)), default=0.0)
    if not precision or not recall:
        return 0.0
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision)


def longest_common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """The number of words that both have in the same order."""
    lengths = [0] * (len(second) + 1)
    for word in first:
        previous = 0
        for j, other in enumerate(second, 1):
            previous, lengths[j] = lengths[j], previous + 1 if word == other else max(lengths[j], lengths[j - 1])
    return lengths[-1]
