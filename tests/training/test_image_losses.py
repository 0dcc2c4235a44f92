"""Losses of images and of the discriminator."""

import jax.numpy as jnp
import numpy as np

from t2f_jax.training import image_losses


def test_adversarial_gradient_is_scaled_to_the_reconstructions():
    a, b = {"kernel": jnp.full((2, 2), 3.0)}, {"kernel": jnp.full((2, 2), 0.5)}
    np.testing.assert_allclose(image_losses.adaptive_weight(a, b), 6, rtol=1e-3)
    assert image_losses.adaptive_weight({"kernel": jnp.full((2,), 1e9)}, {"kernel": jnp.zeros(2)}) == 1e4


def test_hinge_losses():
    assert image_losses.hinge_discriminator(jnp.array([2.0, 1.0]), jnp.array([-1.0, -3.0])) == 0
    assert image_losses.hinge_discriminator(jnp.array([0.0]), jnp.array([0.0])) == 1
    assert image_losses.hinge_generator(jnp.array([1.0, 3.0])) == -2


def test_pixel_losses_are_means_over_an_image():
    image = jnp.zeros((2, 4, 4, 3))
    recon = image.at[1].set(0.5)
    np.testing.assert_allclose(image_losses.pixel_loss(recon, image, "l1"), [0, 0.5])
    np.testing.assert_allclose(image_losses.pixel_loss(recon, image, "l2"), [0, 0.25])


def test_psnr_has_a_peak_of_two_and_clips_what_is_out_of_range():
    image = jnp.zeros((2, 4, 4, 3))
    recon = image.at[0].set(0.2).at[1].set(5.0)
    np.testing.assert_allclose(image_losses.pixel_psnr(recon, image), [20, 10 * np.log10(4)], rtol=1e-5)
