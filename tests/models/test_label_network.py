"""The network that reads labels: its shapes, its loss by hand, and how it sees two images."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from t2f_jax.models.label_network import LabelNetwork, label_distance, label_loss, split_outputs

MASK = np.array([[True, True, False], [True, True, True]])


@pytest.mark.parametrize("side", [16, 64])
def test_features_of_three_levels(side):
    network = LabelNetwork(7, 8)
    outputs, features = jax.eval_shape(
        lambda x: network.init_with_output(jax.random.key(0), x)[0], jnp.zeros((2, side, side, 3))
    )
    assert outputs.shape == (2, 7)
    assert [f.shape for f in features] == [(2, side // k, side // k, c) for k, c in ((4, 8), (8, 16), (16, 32))]


def test_the_loss_counts_known_labels_alone():
    outputs = jnp.array([[1.0, 0.0, 9.0, 0.0, 2.0, 1.0, 0.1], [0.0, 0.0, 9.0, 3.0, 0.0, 0.0, 0.5]])
    logp, numbers = split_outputs(outputs, MASK)
    np.testing.assert_allclose(np.exp(logp).sum(-1), 1, rtol=1e-6)
    assert (np.exp(logp)[:, 0, 2] == 0).all()  # no value stands there
    np.testing.assert_allclose(numbers, [[0.6], [1.0]])
    choices, known = jnp.array([[0, -1], [-1, 2]]), jnp.array([[0.5], [jnp.nan]])
    # Huber of 10 * 0.1 with delta 0.3: 0.3 * (1 - 0.15), four times.
    wanted = ((4 * 0.3 * 0.85 - logp[0, 0, 0]) / np.sqrt(2) - logp[1, 1, 2]) / 2  # two labels and one
    np.testing.assert_allclose(label_loss(outputs, choices, known, MASK), wanted, rtol=1e-5)
    gradient = jax.grad(label_loss)(outputs, choices, known, MASK)
    assert np.isfinite(gradient).all() and not gradient[0, 3:6].any() and not gradient[1, 6].any()


def test_an_image_is_no_distance_from_itself():
    network = LabelNetwork(7, 8)
    image = jax.random.uniform(jax.random.key(0), (3, 16, 16, 3), minval=-1)
    params = network.init(jax.random.key(1), image)["params"]
    np.testing.assert_allclose(label_distance(network, params, image, image), 0, atol=1e-6)
    near, far = (label_distance(network, params, image + d, image) for d in (0.01, 0.5))
    assert near.shape == (3,) and (near > 0).all() and (near < far).all()
    to_image = jax.grad(lambda x: label_distance(network, params, image, x).sum())(image + 0.1)
    assert not to_image.any()  # the original stands still
