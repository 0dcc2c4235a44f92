"""BLEU-1 to BLEU-4 of captions, as in COCO's evaluation code: closest reference length, no smoothing."""

from collections.abc import Sequence

import numpy as np

from t2f_jax.evaluation.metrics.extra import needed

LONGEST = 4  # words of the longest n-grams


def bleu_statistics(captions: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]) -> np.ndarray:
    """What each caption adds to BLEU-4, float64 [N, 10], in the order of `corpus_scores.bleu`.

    Args:
      captions: the tokens of N captions, see `ptb.ptb_tokens`.
      references: for each, the tokens of one or more references.

    Raises:
      MissingPackage: the package sacrebleu is missing.
    """
    with needed("sacrebleu"):
        from sacrebleu.metrics.bleu import BLEU
    scorer = BLEU(tokenize="none", smooth_method="none", max_ngram_order=LONGEST, effective_order=True)
    scores = [
        scorer.sentence_score(" ".join(caption), [" ".join(tokens) for tokens in given])
        for caption, given in zip(captions, references, strict=True)
    ]
    return np.array([[*s.counts, *s.totals, s.sys_len, s.ref_len] for s in scores], np.float64)


def of_order(statistics_Nx10: np.ndarray, n: int) -> np.ndarray:
    """The statistics of BLEU-n, [N, 2n + 2], n from 1 to 4."""
    columns = [*range(n), *range(LONGEST, LONGEST + n), 2 * LONGEST, 2 * LONGEST + 1]
    return statistics_Nx10[:, columns]
