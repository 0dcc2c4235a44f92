import numpy as np
import pytest
from vgg import thin_alex, thin_vgg

from t2f_jax.errors import UserError
from t2f_jax.evaluation.metrics.perceptual import open_lpips

RNG = np.random.default_rng(0)


def test_trunk_and_heads_may_lie_in_two_files(tmp_path):
    tensors = thin_alex(RNG)
    heads = {name: value for name, value in tensors.items() if name.startswith("lin")}
    np.savez(tmp_path / "both.npz", **tensors)
    np.savez(tmp_path / "heads.npz", **heads)
    np.savez(tmp_path / "alex.npz", **{name: value for name, value in tensors.items() if name not in heads})
    one, two = open_lpips([tmp_path / "both.npz"]), open_lpips([tmp_path / "alex.npz", tmp_path / "heads.npz"])
    first, second = RNG.integers(0, 256, (2, 2, 32, 32, 3)).astype(np.uint8)
    distance = two(first, second)
    assert distance.shape == (2,) and (distance > 0).all() and (one(first, second) == distance).all()
    np.testing.assert_allclose(two(first, first), 0, atol=1e-7)
    assert two.protocol.startswith("lpips|heads:0.1|net:alex|weights:") and "+" in two.protocol
    with pytest.raises(UserError, match="32 pixels a side and more, got 16"):
        two(first[:, :16, :16], second[:, :16, :16])


def test_without_linear_layers_it_is_not_lpips(tmp_path):
    np.savez(tmp_path / "vgg.npz", **thin_vgg(RNG, linear=False))
    with pytest.raises(UserError, match=r"vgg\.npz: no linear layers of LPIPS; give the file of lpips"):
        open_lpips([tmp_path / "vgg.npz"])
