"""Corpus-level caption scores, from sums over the examples. They are not means of the examples' scores.

Each example adds statistics, so the score of a resample or a subset of the examples is computed without the texts.
"""

import numpy as np

# METEOR 1.5's parameters for English, tuned to human rankings: Denkowski & Lavie, Meteor Universal, WMT 2014.
ALPHA, BETA, GAMMA = 0.85, 0.2, 0.6


def bleu(sums: np.ndarray) -> np.ndarray:
    """BLEU-n, without smoothing: 0 if n-grams of some length have no match. [..., 2n + 2] -> [...].

    Source: Papineni et al., BLEU, ACL 2002.

    Args:
      sums: matches of 1 to n words, n-grams of 1 to n words, length of the captions, length of the closest references.
    """
    sums = np.asarray(sums, np.float64)
    n = (sums.shape[-1] - 2) // 2
    matches, grams, length, wanted = sums[..., :n], sums[..., n : 2 * n], sums[..., -2], sums[..., -1]
    precision = np.where(matches > 0, matches, 1.0) / np.maximum(grams, 1.0)
    brevity = np.minimum(0.0, 1 - wanted / np.maximum(length, 1.0))
    return np.where(np.all(matches > 0, axis=-1), np.exp(np.log(precision).mean(-1) + brevity), 0.0)


def meteor(sums: np.ndarray) -> np.ndarray:
    """METEOR 1.5, 0 if nothing matches. [..., 6] -> [...].

    Args:
      sums: weights of the caption's matched words and of all its words, the same two of the reference, chunks (0 for
        a caption that matches its whole reference in order), and matched words.
    """
    matched, words, reference_matched, reference_words, chunks, matches = np.moveaxis(np.asarray(sums), -1, 0)
    some = (matched > 0) & (reference_matched > 0)
    precision = np.where(some, matched, 1.0) / np.maximum(words, 1e-9)
    recall = np.where(some, reference_matched, 1.0) / np.maximum(reference_words, 1e-9)
    mean = precision * recall / (ALPHA * precision + (1 - ALPHA) * recall)
    penalty = GAMMA * (chunks / np.maximum(matches, 1e-9)) ** BETA
    return np.where(some, mean * (1 - penalty), 0.0)
