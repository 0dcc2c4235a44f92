import jax
import jax.numpy as jnp
import numpy as np
import pytest

from t2f_jax.errors import UserError
from t2f_jax.evaluation import judge
from t2f_jax.tokens.attributes import Attribute

SCHEMA = (
    Attribute("side", ("left", "right")),
    Attribute("color", ("red", "green", "blue")),
    Attribute("age", low=1, high=90),
)


def toys(count: int, size: int = 32, seed: int = 0) -> tuple[np.ndarray, list[dict]]:
    """A coloured bar at the left or right, as high as the age."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 40, (count, size, size, 3), np.uint8)
    fields = []
    for image in images:
        side, color, age = int(rng.integers(2)), int(rng.integers(3)), int(rng.integers(1, 91))
        half = slice(0, size // 2) if side == 0 else slice(size // 2, size)
        image[: max(1, size * age // 90), half, color] = 220
        fields.append({"attributes": {"side": ("left", "right")[side], "color": SCHEMA[1].values[color], "age": age}})
    return images, fields


@pytest.fixture(scope="module")
def trained():
    images, fields = toys(1000)
    seen: list[int] = []
    return judge.train(images, fields, SCHEMA, 120, 0, seen.append), seen


def test_learns_a_separable_problem(trained):
    judged, seen = trained
    assert seen == [1] * 120
    images, fields = toys(300, seed=1)
    result = judged.accuracy(images, fields)
    assert result["side"] > 0.97 and result["color"] > 0.97 and result["age"] < 6
    mean = judged.mean_accuracy(images, fields)  # shares only: the error of an age is none
    assert mean == pytest.approx((result["side"] + result["color"]) / 2)
    numbers = [{"attributes": {"age": field["attributes"]["age"]}} for field in fields]
    assert judged.mean_accuracy(images, numbers) is None


def test_predictions_are_values_of_the_schema_whatever_the_batch(trained):
    images, _ = toys(300, seed=2)
    result = trained[0].predict(images)
    assert len(result) == 300 and trained[0].predict(images[:3]) == result[:3] and trained[0].predict(images[:0]) == []
    for each in result:
        assert list(each) == [a.name for a in SCHEMA]
        assert each["side"] in SCHEMA[0].values and each["color"] in SCHEMA[1].values
        assert type(each["age"]) is int and 1 <= each["age"] <= 90


def test_same_seed_same_judge():
    images, fields = toys(100)
    probe = toys(20, seed=3)[0]
    a, b, c = (judge.train(images, fields, SCHEMA, 5, seed).answers(probe) for seed in (0, 0, 1))
    assert all(np.array_equal(a[k], b[k]) for k in a) and not np.array_equal(a["age"], c["age"])


def test_unknown_labels_teach_and_count_nothing():
    images, fields = toys(64)
    fields = [{"attributes": {"color": f["attributes"]["color"]}} for f in fields]
    judged = judge.train(images, fields, SCHEMA, 5, 0)
    assert all(np.isfinite(v).all() for v in judged.answers(images).values())
    assert list(judged.accuracy(images, fields)) == ["color"]


def test_large_images_are_averaged_down():
    small = toys(3, size=64)[0]
    large = small.repeat(4, axis=1).repeat(4, axis=2)
    np.testing.assert_allclose(judge._pixels(jnp.asarray(large)), judge._pixels(jnp.asarray(small)), atol=1e-5)


def test_augmentation_keeps_a_flat_image_flat_and_moves_no_more_than_a_pixel():
    x = np.zeros((16, 32, 32, 3), np.float32)
    flat = judge._augment(jnp.asarray(x + 0.5), jax.random.key(0))
    assert np.abs(np.asarray(flat) - 0.5).max() <= 0.2 + 1e-5  # noise alone
    x[:, 10:20, 10:20] = 5.0
    moved = np.asarray(judge._augment(jnp.asarray(x), jax.random.key(1))).mean(-1)
    rows = (moved * np.arange(32)[:, None]).sum((1, 2)) / moved.sum((1, 2))
    assert np.abs(rows - 14.5).max() < 1.3 and np.ptp(rows) > 1


def test_refuses_what_it_cannot_see():
    images, fields = toys(4)
    with pytest.raises(UserError, match="multiple of 8"):
        judge.train(images[:, :30, :30], fields, SCHEMA, 1, 0)
    with pytest.raises(UserError, match="no face"):
        judge.train(images[:0], [], SCHEMA, 1, 0)
