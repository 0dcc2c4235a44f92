from collections import Counter

import numpy as np
import pytest

from t2f_jax.evaluation.metrics.range_labels import RangeAnswers, range_figures
from t2f_jax.tokens.attributes import Attribute

AGE = Attribute("age", (), 1, 90, ("20-29", "30-39", "70+"))


def spread(**shares):
    row = np.zeros(90)
    for age, share in shares.items():
        row[int(age[1:]) - 1] = share
    return row


def test_ranges_are_counted_by_their_sums():
    probs = np.stack(
        [
            spread(a20=0.3, a29=0.3, a35=0.4),  # right by its sum, though no number is likelier than 35
            spread(a20=0.4, a29=0.3, a30=0.3),
            spread(a30=0.4, a69=0.2, a90=0.4),  # as likely as the thirties, which come first
            spread(a26=1.0),
            spread(a26=1.0),
        ]
    )
    labels = ["20-29", "30-39", "70+", 25, None]
    answers = RangeAnswers.of(AGE, probs, labels, Counter(["30-39", "30-39", "20-29", 50]))
    assert answers.ranges == ("20-29", "30-39", "70+") and answers.usual == "30-39"
    assert answers.probs[0] == pytest.approx([0.6, 0.4, 0])
    assert answers.right[:3].tolist() == [1, 0, 0] and np.isnan(answers.right[3:]).all()
    accuracy, inside = range_figures(answers)
    assert (accuracy.name, accuracy.n) == ("attributes/age/range_accuracy", 3)
    assert accuracy.value == inside.value == pytest.approx(1 / 3)


def test_without_a_range_there_is_no_figure():
    answers = RangeAnswers.of(AGE, np.ones((2, 90)), [25, None], Counter([30]))
    assert answers.ranges == () and range_figures(answers) == [] and np.isnan(answers.right).all()
