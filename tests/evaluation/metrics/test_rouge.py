import pytest

from t2f_jax.evaluation.metrics.rouge import longest_common_subsequence, rouge_l


@pytest.mark.parametrize(
    ("first", "second", "length"),
    [("a b c d", "a c d", 3), ("a b c", "c b a", 1), ("", "a", 0), ("a a b", "a b a", 2), ("x y", "a b", 0)],
)
def test_longest_common_subsequence(first, second, length):
    assert longest_common_subsequence(first.split(), second.split()) == length
    assert longest_common_subsequence(second.split(), first.split()) == length


def test_precision_and_recall_may_come_from_two_references():
    caption = ["a", "man", "with", "a", "hat"]
    precision, recall = 1.0, 1.0  # of the long reference, of the short one
    references = [["a", "tall", "man", "with", "a", "red", "hat"], ["a", "man"]]
    assert rouge_l(caption, references) == pytest.approx((1 + 1.44) * precision * recall / (recall + 1.44 * precision))


def test_nothing_in_common_is_0():
    assert rouge_l(["a", "man"], [["the", "woman"]]) == 0
    assert rouge_l([], [["a"]]) == 0 and rouge_l(["a"], []) == 0
