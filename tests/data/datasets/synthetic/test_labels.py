import hashlib
import multiprocessing
from itertools import pairwise

import numpy as np
import pytest

from t2f_jax.data.datasets.synthetic import labels

NAMES = [a.name for a in labels.SCHEMA]


def digest(index: int) -> str:
    return hashlib.sha256(labels.draw(3, index, 64).tobytes()).hexdigest() + str(labels.labels(3, index))


def drawn(changes: dict, index: int = 0, size: int = 64) -> np.ndarray:
    plain = {"glasses": "no", "beard": "no", "hat": "no", "earrings": "no", "scarf": "no", "bangs": "no", "smile": "no"}
    fields = {**labels.labels(0, index), **plain, **changes}
    return labels.draw_labels(fields, np.random.default_rng(5), size).astype(np.float32)


def test_labels_fit_the_schema_and_no_value_is_rare():
    found = [labels.labels(0, i) for i in range(5000)]
    for attribute in labels.SCHEMA:
        column = [f[attribute.name] for f in found]
        if attribute.is_number:
            assert all(type(v) is int and attribute.low <= v <= attribute.high for v in column)
            assert {attribute.low, attribute.high} <= set(column)
            counts = np.histogram(column, 9, (attribute.low, attribute.high + 1))[0]
            assert counts.min() > 0.09 * len(column)
        else:
            for value in attribute.values:
                assert column.count(value) >= 0.2 * len(column), (attribute.name, value)
            assert set(column) == set(attribute.values)
    assert all(list(f) == NAMES for f in found)


def test_beards_are_for_men():
    found = [labels.labels(1, i) for i in range(500)]
    bearded = [f for f in found if f["beard"] == "yes"]
    assert bearded and all(f["gender"] == "male" and int(f["age"]) >= labels.BEARD_AGE for f in bearded)


def test_seed_and_index_decide_alone():
    here = [digest(i) for i in range(6)]
    assert here == [digest(i) for i in range(6)]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.map(digest, reversed(range(6))) == here[::-1]
    assert len(set(here)) == 6
    assert not np.array_equal(labels.draw(0, 0, 64), labels.draw(1, 0, 64))


@pytest.mark.parametrize("size", [32, 64, 96, 256])
def test_image_form(size):
    image = labels.draw(0, 1, size)
    assert image.shape == (size, size, 3) and image.dtype == np.uint8 and image.std() > 20


def test_every_size_shows_the_same_face():
    for index in range(8):
        small = labels.draw(0, index, 64).astype(np.float32)
        large = labels.draw(0, index, 128).astype(np.float32).reshape(64, 2, 64, 2, 3).mean((1, 3))
        other = labels.draw(0, index + 1, 64)
        assert np.abs(small - large).mean() < 3 < 8 < np.abs(small - other).mean()


@pytest.mark.parametrize("attribute", [a for a in labels.SCHEMA if not a.is_number], ids=lambda a: a.name)
@pytest.mark.parametrize("age", [6, 35, 80])
def test_every_value_shows(attribute, age):
    images = [drawn({"age": age, attribute.name: v}, index=4) for v in attribute.values]
    for i, a in enumerate(images):
        for b in images[:i]:
            changed = np.abs(a - b).max(-1) > 20
            assert changed.sum() > 40  # of 4096 pixels


def test_gender_shows_without_beard_and_with_equal_hair():
    for length in ("short", "long"):
        a, b = (drawn({"age": 40, "gender": g, "hair length": length}) for g in ("male", "female"))
        assert np.abs(a - b).mean() > 4


@pytest.mark.parametrize("index", range(4))
@pytest.mark.parametrize("ages", [(1, 4, 8, 12, 16), (16, 28, 40, 52, 64, 76, 88)], ids=["growing", "ageing"])
def test_years_add_up(index, ages):
    faces = [drawn({"age": age}, index) for age in ages]
    for i, face in enumerate(faces):
        away = [np.abs(face - other).mean() for other in faces]
        assert away[i:] == sorted(away[i:]) and away[i::-1] == sorted(away[i::-1])


@pytest.mark.parametrize("index", range(4))
def test_no_year_passes_without_a_trace(index):
    faces = [drawn({"age": age}, index) for age in range(1, 91)]
    assert min(np.abs(a - b).mean() for a, b in pairwise(faces)) > 0.15
    child, adults = faces[4], faces[30:]
    assert min(np.abs(child - adult).mean() for adult in adults) > 8


def test_an_unknown_value_is_refused():
    with pytest.raises(KeyError):
        drawn({"hair color": "green"})
