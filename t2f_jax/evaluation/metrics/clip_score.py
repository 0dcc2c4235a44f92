"""How well faces fit their captions by CLIP: CLIP score, and R-precision, which ranks the own caption among others.

Sources: Hessel et al., CLIPScore, 2021, arXiv:2104.08718; Xu et al., AttnGAN, 2018, arXiv:1711.10485.
Faces that were selected by a CLIP must not be scored by the same one. Axes: N faces with a caption each, E numbers.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from t2f_jax.evaluation.figure import Figure, of_examples, protocol_line

OTHERS = 99  # other captions beside the own one, in R-precision

Score = Callable[[int, Sequence[int]], np.ndarray]  # (face, captions) -> how well each caption fits it


def unit(vectors_NxE: np.ndarray) -> np.ndarray:
    """Normalizes vectors to length 1, float64."""
    vectors = np.asarray(vectors_NxE, np.float64)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def clip_score_figure(
    name: str, images_NxE: np.ndarray, texts_NxE: np.ndarray, clip: Mapping[str, object], cut: int = 0
) -> Figure:
    """100 max(cos, 0) of each face and its caption, as in torchmetrics: without a prefix before the caption.

    Args:
      clip: the choices that made the vectors, for the protocol.
      cut: captions that were longer than CLIP's context.
    """
    score_N = 100 * np.maximum((unit(images_NxE) * unit(texts_NxE)).sum(1), 0)
    line = protocol_line("clip score", **clip, scale="100 max(cos,0)", prompt="none", cut_captions=cut, version=1)
    return of_examples(name, score_N, unit="", better="higher", protocol=line)


def r_precision(captions: Sequence[str], score: Score, seed: int = 0, others: int = OTHERS) -> np.ndarray:
    """Whether each face's own caption fits it better than `others` captions of other faces, float64 [N].

    Captions made by templates repeat: one equal to the own one (ignoring case and spaces) is not used. If there are
    fewer distinct ones, all are used; NaN if there is none.

    Args:
      score: how well captions fit a face; the first is its own.
      seed: of the choice of the other captions.
    """
    texts = [" ".join(caption.lower().split()) for caption in captions]
    first = {text: i for i, text in reversed(list(enumerate(texts)))}  # each text once
    place, faces = {text: k for k, text in enumerate(first)}, np.array(list(first.values()))
    hits = np.full(len(texts), np.nan)
    for i, text in enumerate(texts):
        if different := len(faces) - 1:
            chosen = np.random.default_rng((seed, i)).choice(different, min(others, different), replace=False)
            chosen += chosen >= place[text]  # all texts except the own one
            fits = score(i, [i, *faces[chosen].tolist()])
            hits[i] = fits[0] > fits[1:].max()
    return hits


def r_precision_figure(
    name: str, captions: Sequence[str], score: Score, by: Mapping[str, object], seed: int = 0
) -> Figure:
    """R-precision with R = 1 among the own caption and `OTHERS` others, all distinct.

    Args:
      by: the scorer, for the protocol: a CLIP's choices, or a model's hash.
    """
    line = protocol_line("r-precision", **by, r=1, others=OTHERS, repeated="excluded", seed=seed, version=1)
    return of_examples(name, r_precision(captions, score, seed), unit="share", better="higher", protocol=line)


def cosine_score(images_NxE: np.ndarray, texts_NxE: np.ndarray) -> Score:
    """A `Score`: the cosine similarity of CLIP's vectors."""
    images, texts = unit(images_NxE), unit(texts_NxE)
    return lambda i, captions: texts[list(captions)] @ images[i]
