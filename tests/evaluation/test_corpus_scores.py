import numpy as np
import pytest

from t2f_jax.evaluation.corpus_scores import bleu, meteor


def test_bleu_is_the_geometric_mean_of_precisions():
    sums = np.array([[8, 2, 10, 8, 10, 9], [8, 2, 10, 8, 10, 20], [8, 0, 10, 8, 10, 9]])
    whole = np.sqrt(0.8 * 0.25)
    assert bleu(sums) == pytest.approx([whole, whole * np.exp(1 - 20 / 10), 0])


def test_meteor_by_hand():
    # "a man" against "a bald man with a goatee": precision 1, recall 1/3, two chunks of two words.
    sums = np.array([1.0, 1.0, 1.0, 3.0, 2, 2])
    assert meteor(sums) == pytest.approx(0.1481, abs=5e-5)
    assert meteor(np.array([2.0, 2.0, 2.0, 2.0, 0, 2])) == pytest.approx(1)  # equal texts are not punished
    assert meteor(np.zeros((2, 6))).tolist() == [0, 0]
