import dataclasses
import itertools
import subprocess
import sys

import numpy as np
import pytest

from t2f_jax.data import pipeline
from t2f_jax.data.pixels import ImageSet
from t2f_jax.tokens.attributes import Attribute
from t2f_jax.tokens.targets import UNKNOWN


def take(batches, n):
    return list(itertools.islice(batches, n))


def assert_same(a, b):
    assert a.keys() == b.keys()
    for key in a:
        np.testing.assert_array_equal(a[key], b[key], err_msg=key)


def image_set(name, size, side=8):
    """Image i is filled with the number i."""
    pixels = np.broadcast_to(np.arange(size, dtype=np.uint8)[:, None, None, None], (size, side, side, 3))
    return ImageSet(pixels, [{}] * size, [str(i) for i in range(size)], name, "train")


def test_image_batches_are_pure_in_seed_and_step():
    sets = [(image_set("a", 50), 1.0), (image_set("b", 20), 1.0)]
    straight = take(pipeline.image_batches(sets, 8, 1, flip=True, jitter=0.1), 6)
    resumed = take(pipeline.image_batches(sets, 8, 1, 4, flip=True, jitter=0.1), 2)
    assert straight[0]["image"].shape == (8, 8, 8, 3) and straight[0]["image"].dtype == np.uint8
    assert_same(straight[4], resumed[0])
    assert_same(straight[5], resumed[1])
    other = next(pipeline.image_batches(sets, 8, 2, flip=True, jitter=0.1))
    assert (other["image"] != straight[0]["image"]).any()


def test_labels_come_with_their_images():
    number = Attribute("number", (), 0, 100)
    colour = Attribute("colour", ("gray", "red"))
    fields = [{"attributes": {"number": i, "colour": "gray"}, "captions": []} for i in range(20)]
    sets = [
        (dataclasses.replace(image_set("a", 20), fields=fields), 1.0),
        (dataclasses.replace(image_set("b", 20), fields=[{"attributes": {}, "captions": []}] * 20), 1.0),
    ]
    batch = next(pipeline.image_batches(sets, 32, 1, labels=[number, colour]))
    plain = next(pipeline.image_batches(sets, 32, 1))
    np.testing.assert_array_equal(batch["image"], plain["image"])
    known = batch["choices"][:, 0] == 0
    assert known.any() and not known.all()
    np.testing.assert_allclose(batch["numbers"][known, 0] * 100, batch["image"][known, 0, 0, 0], rtol=1e-6)
    assert np.isnan(batch["numbers"][~known]).all() and (batch["choices"][~known] == UNKNOWN).all()


def test_image_batches_mirror_half():
    pixels = np.zeros((4, 8, 8, 3), np.uint8)
    pixels[:, :, 4:] = 255
    batches = take(
        pipeline.image_batches([(dataclasses.replace(image_set("a", 4), images=pixels), 1.0)], 50, 0, flip=True), 4
    )
    mirrored = np.concatenate([b["image"][:, 0, 0, 0] == 255 for b in batches])
    assert 0.4 < mirrored.mean() < 0.6


def test_image_eval_batches_are_fixed_finite_and_masked():
    sets = [image_set("a", 50), image_set("b", 5)]
    first, again = ([*pipeline.image_eval_batches(sets, 8, 3)] for _ in range(2))
    assert len(first) == 3
    for a, b in zip(first, again):
        assert_same(a, b)
    masks = np.concatenate([b["mask"] for b in first])
    assert masks.sum() == 12 + 5 and masks.dtype == np.float32
    assert not masks[17:].any()


def test_an_error_in_the_background_is_raised_as_itself():
    def make(step):
        if step == 3:
            raise KeyError("row 3")
        return {"x": np.array([step])}

    batches = pipeline.through_tf_data(make, 0, 10)
    assert [int(next(batches)["x"][0]) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(KeyError, match="row 3"):
        next(batches)


def test_an_abandoned_iterator_lets_python_end():
    code = (
        "import time, numpy as np\nfrom t2f_jax.data import pipeline\n"
        "def make(step):\n    time.sleep(0.5 if step else 0)\n    return {'x': np.zeros(1000)}\n"
        "b = pipeline.through_tf_data(make, 0, 10**9)\n"
        "next(b); next(b); time.sleep(0.1); print('done')"  # its thread is at the third batch now
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0 and result.stdout.strip() == "done", result.stderr[-2000:]
