import numpy as np
import pytest

from t2f_jax.evaluation.figure import Figure, of_examples
from t2f_jax.evaluation.image_figures import over_seeds


def test_a_distance_of_several_seeds_has_students_interval():
    made = [Figure("requests/fid", value, 10, "", "lower", "frechet|n_real:10") for value in (1.0, 2.0, 6.0)]
    found = over_seeds(made)
    assert (found.value, found.interval_over, found.protocol) == (
        3.0,
        "sampling seeds",
        "frechet|n_real:10|sampling seeds:3",
    )
    half = 4.302653 * np.std([1, 2, 6], ddof=1) / np.sqrt(3)  # Student's t of two degrees of freedom
    assert found.interval == pytest.approx((3 - half, 3 + half))
    assert over_seeds(made[:1]) is made[0]
    mean = of_examples("requests/precision", np.array([0.0, 1.0]), unit="share", better="higher", protocol="precision")
    assert over_seeds([mean, mean]) is mean
