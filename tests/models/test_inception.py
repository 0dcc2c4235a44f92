"""FID's Inception beside PyTorch, on seeded weights in the user's layout, its channels an eighth as many."""

import jax
import numpy as np
import pytest
import torch_inception

from t2f_jax.errors import UserError
from t2f_jax.io.weights import load_tensors
from t2f_jax.models import inception

NETWORK = inception.Inception(divisor=8)
SHAPES = inception.abstract_params(NETWORK)


@pytest.fixture(scope="module")
def state():
    return torch_inception.seeded_state(SHAPES)


@pytest.mark.parametrize("zipped", [True, False])
def test_features_are_torchs_from_a_file_of_either_format(torch, state, tmp_path, zipped):
    path = tmp_path / "pt_inception.pth"
    tensors = {name: torch.as_tensor(value) for name, value in state.items()}
    torch.save(tensors, path, _use_new_zipfile_serialization=zipped)
    params = inception.from_tensors(load_tensors(path), NETWORK)
    x = np.random.default_rng(1).uniform(-1, 1, (2, 75, 75, 3)).astype(np.float32)
    ours = np.asarray(jax.jit(NETWORK.apply)({"params": params}, x))
    wanted = torch_inception.features(torch, state, torch.as_tensor(x).permute(0, 3, 1, 2))
    assert ours.shape == (2, inception.FEATURES // 8) and wanted.std() > 0.1
    np.testing.assert_allclose(ours, wanted, rtol=1e-4, atol=1e-5)


def test_the_whole_network_has_2048_features_and_fids_number_of_weights():
    shapes = inception.abstract_params(inception.Inception())
    kernels = {path: shape.shape for path, shape in shapes.items() if path.endswith("kernel")}
    assert len(kernels) == 94 and sum(map(np.prod, kernels.values())) == 21_751_136
    assert kernels["Mixed_7c/branch3x3_2a/conv/kernel"] == (1, 3, 384, 384)


def test_other_weights_are_refused_by_name(state):
    without = {name: value for name, value in state.items() if name != "Mixed_6c.branch_pool.bn.running_var"}
    with pytest.raises(UserError, match=r"tensor 'Mixed_6c\.branch_pool\.bn\.running_var' is missing"):
        inception.from_tensors(without, NETWORK)
    with pytest.raises(UserError, match=r"'Conv2d_1a_3x3\.conv\.weight' has shape \(4, 3, 3, 3\), not \(32, 3, 3, 3\)"):
        inception.from_tensors(state, inception.Inception())
    with pytest.raises(UserError, match=r"'fc\.weight' has 1000 rows, not 1008; give pytorch-fid's"):
        inception.from_tensors(state | {"fc.weight": np.zeros((1000, 4))}, NETWORK)
    with pytest.raises(UserError, match=r"it has no 'fc\.weight', not 1008"):
        inception.from_tensors({}, NETWORK)
