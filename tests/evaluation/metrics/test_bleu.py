import numpy as np
import pytest
from sacrebleu.metrics.bleu import BLEU

from t2f_jax.evaluation.corpus_scores import bleu
from t2f_jax.evaluation.metrics.bleu import bleu_statistics, of_order


@pytest.fixture(scope="module")
def corpus():
    rng = np.random.default_rng(3)
    words = np.array(["a", "man", "with", "the", "hat"])

    def text():
        return rng.choice(words, rng.integers(1, 14)).tolist()

    return [text() for _ in range(60)], [[text() for _ in range(rng.integers(1, 4))] for _ in range(60)]


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_sums_give_sacrebleu_s_score_of_the_corpus(corpus, n):
    captions, references = corpus
    streams = [[" ".join(given[k]) if k < len(given) else None for given in references] for k in range(3)]
    scorer = BLEU(tokenize="none", smooth_method="none", max_ngram_order=n)
    wanted = scorer.corpus_score([" ".join(c) for c in captions], streams).score / 100
    assert wanted > 0
    assert bleu(of_order(bleu_statistics(captions, references), n).sum(0)) == pytest.approx(wanted, abs=1e-12)


def test_without_a_match_it_is_0():
    rows = of_order(bleu_statistics([["a", "b"], ["c"]], [[["a", "x"]], [["y"]]]), 2)
    assert rows.tolist() == [[1, 0, 2, 1, 2, 2], [0, 0, 1, 0, 1, 1]]
    assert bleu(rows.sum(0)) == 0 and bleu(np.zeros((3, 6))).tolist() == [0, 0, 0]


def test_short_captions_are_punished():
    rows = of_order(bleu_statistics([["a", "man"]], [[["a", "man", "smiles", "now"]]]), 1)
    assert bleu(rows.sum(0)) == pytest.approx(np.exp(1 - 4 / 2))
