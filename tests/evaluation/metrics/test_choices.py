import hashlib
from collections import Counter

import numpy as np
import pytest
import sklearn.metrics

from t2f_jax.evaluation import stats
from t2f_jax.evaluation.figure import with_intervals
from t2f_jax.evaluation.metrics.choices import (
    Answers,
    average_precision,
    brier_scores,
    choice_figures,
    confusion,
    f1_statistics,
    recall_statistics,
)
from t2f_jax.tokens.attributes import Attribute

HAT = Attribute("hat", ("no", "yes"))
HAIR = Attribute("hair color", ("black", "brown", "blond", "gray"))


def drawn(attribute, n=200, seed=0):
    """Answers that are right more often than not; of a tenth of the faces nothing is known."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(len(attribute.values), size=n)
    probs = rng.dirichlet(np.ones(len(attribute.values)), size=n) + 0.4 * np.eye(len(attribute.values))[truth]
    labels = [None if rng.random() < 0.1 else attribute.values[t] for t in truth]
    return Answers.of(attribute, probs.round(2), labels, Counter(["no", "no", "yes", attribute.values[0]]))


def plain(answers):
    """True values, answers and probabilities of the faces that are known, for scikit-learn."""
    known = answers.known
    return answers.truth[known], answers.probs[known].argmax(1), answers.probs[known]


@pytest.mark.parametrize("attribute", [HAT, HAIR])
def test_sums_agree_with_scikit_learn(attribute):
    answers = drawn(attribute)
    true, said, probs = plain(answers)
    average = "binary" if attribute is HAT else "macro"
    balanced = stats.ratios(recall_statistics(answers).sum(0))
    assert balanced == pytest.approx(sklearn.metrics.balanced_accuracy_score(true, said), abs=1e-12)
    f1 = stats.ratios(f1_statistics(answers).sum(0))
    assert f1 == pytest.approx(sklearn.metrics.f1_score(true, said, average=average), abs=1e-12)
    labels = np.arange(len(attribute.values))
    brier = sklearn.metrics.brier_score_loss(np.eye(len(labels))[true], probs, scale_by_half=True)
    assert np.nanmean(brier_scores(answers)) == pytest.approx(brier, abs=1e-12)
    assert confusion(answers).tolist() == sklearn.metrics.confusion_matrix(true, said, labels=labels).tolist()
    assert np.nanmean(answers.right) == pytest.approx(sklearn.metrics.accuracy_score(true, said), abs=1e-12)


def test_average_precision_agrees_with_scikit_learn():
    true, _, probs = plain(drawn(HAT))
    assert len(np.unique(probs[:, 1])) < len(true)  # equal scores are among them
    wanted = sklearn.metrics.average_precision_score(true, probs[:, 1])
    assert average_precision(probs[:, 1], true == 1) == pytest.approx(wanted, abs=1e-12)
    assert average_precision(np.ones(4), np.array([True, False, False, True])) == 0.5
    with pytest.raises(ValueError, match="true example"):
        average_precision(np.ones(2), np.zeros(2))


def test_the_figures_of_two_choices():
    figures = {f.name: f for f in choice_figures([drawn(HAT), drawn(HAIR, seed=1)])}
    assert [*figures][:7] == [
        "attributes/accuracy",
        "attributes/balanced_accuracy",
        "attributes/balanced_accuracy_by_share",
        "attributes/f1",
        "attributes/average_precision",
        "attributes/majority_accuracy",
        "attributes/ece",
    ]
    both = [figures[f"attributes/{name}/accuracy"] for name in ("hat", "hair color")]
    assert figures["attributes/accuracy"].value == pytest.approx((both[0].value + both[1].value) / 2)
    assert figures["attributes/hat/f1"].n == both[0].n == np.isfinite(both[0].per_example).sum() < 200
    names = hashlib.sha256(b'[["hat", "no", "yes"]]').hexdigest()[:8]
    assert figures["attributes/average_precision"].protocol == f"ap|of:yes|attributes:1|names:{names}|version:1"
    assert figures["attributes/accuracy"].protocol.startswith(
        "accuracy|of:likeliest|mean:attributes|attributes:2|names:"
    )
    f1, error = with_intervals([figures["attributes/hat/f1"], figures["attributes/hat/ece"]])
    assert f1.interval[0] < f1.value < f1.interval[1] and error.interval is None


def test_the_baseline_comes_from_the_training_faces_alone():
    answers = Answers.of(HAT, np.array([[1.0, 1.0]] * 3), ["yes", "yes", "no"], Counter(["no", "yes", "no"]))
    assert answers.usual == "no" and answers.probs.tolist() == [[0.5, 0.5]] * 3
    figures = {f.name: f for f in choice_figures([answers])}
    assert figures["attributes/hat/majority_accuracy"].value == pytest.approx(1 / 3)
    assert "attributes/majority_accuracy" in figures
    unknown = Answers.of(HAT, np.ones((1, 2)), ["yes"], Counter())
    assert unknown.usual is None and not any("majority" in f.name for f in choice_figures([unknown]))


def test_balanced_accuracy_is_highest_where_rare_values_are_preferred():
    rng = np.random.default_rng(0)
    true = rng.random(20_000) < 0.1
    score = rng.normal(true * 1.0, 1.0)
    odds = np.exp(score - 0.5) * 0.1 / 0.9  # the right ones: both densities are normal, of deviation 1
    yes = odds / (1 + odds)
    labels = ["yes" if each else "no" for each in true]
    answers = Answers.of(HAT, np.stack([1 - yes, yes], 1), labels, Counter({"yes": 100, "no": 900}))
    figures = {f.name: f for f in choice_figures([answers])}
    wanted = sklearn.metrics.balanced_accuracy_score(true, score > 0.5)  # p over share is even at the middle
    assert figures["attributes/hat/balanced_accuracy_by_share"].value == pytest.approx(wanted, abs=1e-12)
    assert figures["attributes/balanced_accuracy_by_share"].value > figures["attributes/balanced_accuracy"].value + 0.1
    for least in (0.3, 0.4, 0.6, 0.7):
        assert sklearn.metrics.balanced_accuracy_score(true, score > least) < wanted + 0.005
    unseen = Answers.of(HAIR, np.eye(len(HAIR.values))[:1], [HAIR.values[1]], Counter({HAIR.values[1]: 3}))
    assert unseen.by_share().probs.tolist() == unseen.probs.tolist()  # all of it lies on a value that no face has


def test_what_does_not_occur_has_no_figure():
    none = Answers.of(HAT, np.array([[0.9, 0.1]] * 2), ["no", "no"], Counter())
    names = {f.name for f in choice_figures([none])}
    assert "attributes/hat/accuracy" in names
    assert not names & {"attributes/hat/f1", "attributes/hat/average_precision"}
    assert choice_figures([Answers.of(HAT, np.ones((2, 2)), [None, None], Counter())]) == []
    assert choice_figures([]) == []
