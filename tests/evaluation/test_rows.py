import numpy as np
import pytest

from t2f_jax.errors import UserError
from t2f_jax.evaluation import rows
from t2f_jax.evaluation.figure import of_examples

GIVEN = {"unit": "share", "better": "higher", "protocol": "accuracy"}


def test_rows_give_back_what_each_example_added(tmp_path):
    path = tmp_path / "rows" / "faces.jsonl"
    mean = of_examples("accuracy", np.array([1.0, np.nan, 1 / 3]), **GIVEN)
    ratio = of_examples("precision", np.array([[1.0, 2.0], [0.0, 0.0], [3.0, 4.0]]), **GIVEN)
    rows.write(path, ({"id": name} for name in "abc"), [mean, ratio])
    read = list(rows.read(path))
    assert [row["id"] for row in read] == ["a", "b", "c"]
    assert read[1]["scores"] == {"accuracy": None, "precision": [0, 0]}
    assert b'"precision": [0, 0]' in path.read_bytes()
    found = rows.per_example(path, ["accuracy", "precision"])
    np.testing.assert_array_equal(found["accuracy"], mean.per_example)  # to the bit
    np.testing.assert_array_equal(found["precision"], ratio.per_example)
    with pytest.raises(UserError, match="recall is not among its scores"):
        rows.per_example(path, ["recall"])


@pytest.mark.parametrize("damage", [b"[]\n", b'{"id": "a"}\n', b'{"id": '])
def test_damaged_rows_are_named(tmp_path, damage):
    (tmp_path / "faces.jsonl").write_bytes(damage)
    with pytest.raises(UserError, match=r"faces\.jsonl: broken"):
        list(rows.read(tmp_path / "faces.jsonl"))
