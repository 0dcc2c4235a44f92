import clip_folders
import numpy as np
import pytest
import small_model
import torch_inception
from safetensors.numpy import save_file

from t2f_jax.errors import UserError
from t2f_jax.evaluation.metrics import networks
from t2f_jax.models import inception

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3)).astype(np.uint8)


def test_a_models_own_features_are_named_so():
    model = small_model.make()
    network = networks.face_network(model, 16)
    assert (network.frechet_name, network.kernel_name) == ("frechet_face", "kernel_face")
    assert network.protocol == {"network": "face features of t2f_jax", "weights": model.hash}
    found = network.compute(IMAGES)
    assert found.shape == (3, 16) and found.dtype == np.float32 and found.std() > 0.01
    np.testing.assert_allclose(network.compute(IMAGES[1:]), found[1:], atol=1e-5)


def test_a_file_of_fids_inception_is_told_by_its_tensors_and_gives_fid(tmp_path, monkeypatch):
    thin = inception.Inception(divisor=8)
    monkeypatch.setattr(inception, "Inception", lambda: thin)
    save_file(torch_inception.seeded_state(inception.abstract_params(thin)), tmp_path / "inception.safetensors")
    network = networks.open_network(tmp_path / "inception.safetensors")
    assert (network.frechet_name, network.kernel_name) == ("fid", "kid")
    assert network.protocol["resize"] == "pytorch" and len(str(network.protocol["weights"])) == 16
    found = network.compute(IMAGES)
    assert found.shape == (3, 256) and found.std() > 0.1
    clean = networks.open_network(tmp_path / "inception.safetensors", "clean").compute(IMAGES)
    assert np.abs(clean - found).max() > 1e-3


def test_a_clip_folder_gives_clips_features(tmp_path):
    pytest.importorskip("transformers", reason="transformers is not installed; pip install -e '.[torch]'")
    clip_folders.make(tmp_path)
    network = networks.open_network(tmp_path)
    assert (network.name, network.frechet_name, network.size) == ("clip", "frechet_clip", 16)
    assert network.compute(IMAGES).shape == (3, 16)
    assert networks.open_network(tmp_path / "model.safetensors").protocol == network.protocol


def test_other_files_are_refused(tmp_path):
    save_file({"a": np.zeros(3, np.float32)}, tmp_path / "other.safetensors")
    with pytest.raises(UserError, match=r"other\.safetensors: no weights of FID's Inception: it has no 'fc\.weight'"):
        networks.open_network(tmp_path / "other.safetensors")
