import dataclasses
import json

import numpy as np
import pytest

from t2f_jax.evaluation import figure

GIVEN = {"unit": "dB", "better": "higher", "protocol": figure.protocol_line("psnr", channels="rgb", version=1)}


def test_a_figure_of_examples_is_their_mean_without_those_that_were_not_scored():
    (made,) = figure.with_intervals([figure.of_examples("psnr", np.array([1.0, np.nan, 2.0, 6.0]), **GIVEN)])
    assert (made.value, made.n, made.interval_over) == (3.0, 3, "examples")
    assert made.interval is not None and 1 <= made.interval[0] < 3 < made.interval[1] <= 6
    np.testing.assert_array_equal(made.statistics, [[1, 1], [0, 0], [2, 1], [6, 1]])


def test_statistics_are_combined_after_they_are_summed():
    made = figure.of_examples("attributes/hat/balanced", np.array([[1, 0, 1, 0], [0, 0, 1, 0], [0, 1, 0, 1]]), **GIVEN)
    assert (made.value, made.n) == (0.75, 3)


def test_figures_meet_the_same_resamples_whatever_stands_beside_them():
    rng = np.random.default_rng(0)
    made = [figure.of_examples(str(i), rng.normal(size=(30, 2 * i)) ** 2 + 1, **GIVEN) for i in range(1, 13)]
    made += [figure.of_examples("few", rng.normal(size=7), **GIVEN), figure.Figure("fid", 1.0, 3, **GIVEN)]
    every = figure.with_intervals(made)
    assert [f.name for f in every] == [f.name for f in made] and every[-1] == made[-1]
    for i in (0, 11, 12):
        (alone,) = figure.with_intervals(made[i : i + 1])
        assert alone.interval == pytest.approx(every[i].interval, rel=1e-12)
    assert figure.with_intervals(every) == every


def test_a_figure_comes_back_from_json():
    made = figure.of_examples("x", np.array([0.0, 1.0]), **GIVEN)
    assert figure.Figure.from_dict(json.loads(json.dumps(made.to_dict())), made.per_example) == made
    assert made.protocol == "psnr|channels:rgb|version:1"


@pytest.mark.parametrize(
    "wrong", [{"value": np.nan}, {"interval": (0.0, 1.0)}, {"better": "more"}, {"protocol": "a\nb"}, {"combine": "sum"}]
)
def test_a_figure_that_cannot_be_is_refused(wrong):
    made = figure.Figure("x", 1.0, 2, **GIVEN)
    with pytest.raises(ValueError, match="figure x"):
        dataclasses.replace(made, **wrong)


def test_no_scored_example_is_no_figure():
    with pytest.raises(ValueError, match="no example"):
        figure.of_examples("x", np.array([np.nan]), **GIVEN)
