import numpy as np
import pytest

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import base, registry
from t2f_jax.errors import UserError


def test_synthetic_splits_cover_all_faces_once():
    source = registry.open_source(SourceConfig(count=103), "drawn", seed=5)
    parts = [source.split(split) for split in base.SPLITS]
    assert [len(p) for p in parts] == [83, 10, 10]
    assert sorted(i for part in parts for i in part) == list(range(103))
    image = source.image(7, 32)
    assert image.shape == (32, 32, 3) and image.dtype == np.uint8
    np.testing.assert_array_equal(image, source.image(7, 32))
    assert source.fields(7)["attributes"].keys() <= {a.name for a in source.schema}


def test_smallest_synthetic_source_fills_every_split():
    source = registry.open_source(SourceConfig(count=3), "drawn")
    assert [len(source.split(s)) for s in base.SPLITS] == [1, 1, 1]
    with pytest.raises(UserError, match=r"data\.sources\.drawn\.count=2"):
        registry.open_source(SourceConfig(count=2), "drawn")
