"""Similarity of captions to reference captions: BLEU, ROUGE-L, CIDEr and METEOR as figures.

Axes: N examples.
"""

import importlib.metadata
from collections.abc import Sequence

import numpy as np

from t2f_jax.evaluation.figure import Figure, of_examples, protocol_line
from t2f_jax.evaluation.metrics import bleu
from t2f_jax.evaluation.metrics.cider import SIGMA, cider, rarity
from t2f_jax.evaluation.metrics.facts import REPEATED, repeats_words
from t2f_jax.evaluation.metrics.meteor import MODULES, meteor_statistics
from t2f_jax.evaluation.metrics.meteor_tables import Tables
from t2f_jax.evaluation.metrics.ptb import Brackets, ptb_tokens
from t2f_jax.evaluation.metrics.rouge import BETA, rouge_l

Tokens = list[str]


def wording_figures(
    captions: Sequence[str],
    given: Sequence[Sequence[str]],
    brackets: Brackets = "kept",
    meteor: Tables | None = None,
) -> list[Figure]:
    """BLEU-1 to 4, ROUGE-L, CIDEr-D, CIDEr, METEOR if its tables are given, and how many captions repeat words.

    Args:
      captions: what a model wrote for N faces.
      given: the reference captions; a face without any is scored only for repeated words.
      brackets: how brackets are treated, see `ptb.ptb_tokens`.
      meteor: the tables of METEOR 1.5, from the user's .jar file.

    Raises:
      MissingPackage: the package nltk or sacrebleu is missing.
    """
    if not captions:
        return []
    written = [ptb_tokens(text, brackets) for text in captions]
    repeats = np.array([repeats_words(tokens) for tokens in written], np.float64)
    protocol = protocol_line("repeats", words=REPEATED, tokens=_tokens(brackets), version=1)
    figures = [of_examples("captions/repeats_words", repeats, unit="share", better="lower", protocol=protocol)]
    known = [i for i, texts in enumerate(given) if texts]
    if not known:
        return figures
    ours = [written[i] for i in known]
    theirs = [[ptb_tokens(text, brackets) for text in given[i]] for i in known]
    common = {"tokens": _tokens(brackets), "references": _range(theirs)}

    def place(rows: np.ndarray, nothing: float) -> np.ndarray:
        """Places the rows of the scored examples among those of all examples."""
        placed = np.full((len(captions), *rows.shape[1:]), nothing)
        placed[known] = rows
        return placed

    if meteor is not None:
        rows = place(meteor_statistics(ours, theirs, meteor), 0.0)
        line = protocol_line("meteor-1.5-port", modules=MODULES, **common, version=1)
        figures.append(of_examples("captions/meteor", rows, unit="", better="higher", protocol=line, combine="meteor"))
    return [
        *_bleu_figures(place(bleu.bleu_statistics(ours, theirs), 0.0), common),
        *[
            of_examples(f"captions/{name}", place(np.array(scores), np.nan), unit="", better="higher", protocol=line)
            for name, scores, line in _means(ours, theirs, common)
        ],
        *figures,
    ]


def _bleu_figures(statistics_Nx10: np.ndarray, common: dict[str, str]) -> list[Figure]:
    version = importlib.metadata.version("sacrebleu")
    figures = []
    for n in range(1, bleu.LONGEST + 1):
        line = protocol_line("bleu-coco", n=n, **common, length="closest", smooth="none", sacrebleu=version, version=1)
        rows = bleu.of_order(statistics_Nx10, n)
        figures.append(of_examples(f"captions/bleu_{n}", rows, unit="", better="higher", protocol=line, combine="bleu"))
    return figures


def _means(
    ours: Sequence[Tokens], theirs: Sequence[Sequence[Tokens]], common: dict[str, str]
) -> list[tuple[str, list[float], str]]:
    """(name, score of each caption, protocol) of the scores whose mean is the corpus score."""
    known = rarity(theirs)
    pairs = list(zip(ours, theirs))
    weights = {"rarity": "references", "faces": known.faces}
    return [
        ("rouge_l", [rouge_l(*pair) for pair in pairs], protocol_line("rouge_l-coco", **common, beta=BETA, version=1)),
        (
            "cider_d",
            [cider(*pair, known) for pair in pairs],
            protocol_line("cider_d-coco", **common, **weights, sigma=SIGMA, version=1),
        ),
        (
            "cider",
            [cider(*pair, known, clipped=False) for pair in pairs],
            protocol_line("cider", **common, **weights, version=1),
        ),
    ]


def _tokens(brackets: Brackets) -> str:
    return "ptb-coco" if brackets == "kept" else "ptb-no-brackets"


def _range(theirs: Sequence[Sequence[Tokens]]) -> str:
    """How many references a caption has: "2", "1-5"."""
    counts = [len(references) for references in theirs]
    return str(min(counts)) if min(counts) == max(counts) else f"{min(counts)}-{max(counts)}"
