import pytest
import small_model

from t2f_jax.errors import UserError
from t2f_jax.evaluation.instruments import NOTHING, open_instruments


def test_without_files_a_model_brings_its_own_features():
    found = open_instruments(small_model.make())
    assert [network.name for network in found.features] == ["face"] and found.clip is None and found.lpips is None
    assert NOTHING.key() == {"lpips": None}


def test_a_file_that_is_no_network_is_refused(tmp_path):
    (tmp_path / "weights.pth").write_bytes(b"no weights")
    with pytest.raises(UserError, match=r"weights\.pth"):
        open_instruments(small_model.make(), [tmp_path / "weights.pth"])
