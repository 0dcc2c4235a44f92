import io

import numpy as np
import pytest
from faces import picture
from PIL import Image, ImageOps

from t2f_jax.data import duplicates


def array(image, side=64):
    return np.asarray(image.convert("RGB").resize((side, side), Image.Resampling.BICUBIC))


def recompressed(image, quality):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)


CHANGES = {
    "recompressed": lambda image: recompressed(image, 20),
    "resized": lambda image: image.resize((40, 40)),
    "enlarged": lambda image: image.resize((300, 300)),
    "mirrored": ImageOps.mirror,
    "mirrored and recompressed": lambda image: recompressed(ImageOps.mirror(image), 40),
    "brighter": lambda image: image.point(lambda value: min(255, value * 1.1)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_copy_is_found_and_nothing_else(change):
    pictures = [picture(number) for number in range(40)]
    images = np.stack([array(image) for image in [*pictures, change(pictures[7])]])
    groups = duplicates.groups(duplicates.hashes(images))
    assert [group.tolist() for group in groups] == [[7, 40]]


def test_copies_of_copies_are_one_group_and_equal_pictures_too():
    image = picture(3)
    images = [picture(1), image, recompressed(image, 30), picture(2), ImageOps.mirror(image), image, picture(1)]
    groups = duplicates.groups(duplicates.hashes(np.stack([array(each) for each in images])))
    assert [group.tolist() for group in groups] == [[0, 6], [1, 2, 4, 5]]
    assert duplicates.groups(np.zeros((0, 4), np.uint64)) == []


def test_mirroring_a_picture_mirrors_its_hash():
    images = np.stack([array(picture(number)) for number in range(20)])
    mirrored = duplicates.mirrored(duplicates.hashes(images))
    assert duplicates.distances(mirrored, duplicates.hashes(images[:, :, ::-1])).max() <= 2
    assert (duplicates.distances(mirrored, duplicates.hashes(images)) > 40).all()
    np.testing.assert_array_equal(duplicates.mirrored(mirrored), duplicates.hashes(images))


def test_near_hashes_among_many_are_found():
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**64, (20_000, 4), np.uint64)
    hashes[:100] &= ~np.uint64(0xFFFF)
    for i in range(100):  # a copy that differs in some bits of one word
        hashes[i + 1000] = hashes[i]
        hashes[i + 1000, i % 4] ^= np.uint64((1 << (i % 12)) - 1)
    found = [group.tolist() for group in duplicates.groups(hashes)]
    assert found == [[i, i + 1000] for i in range(100)]


def test_the_lowest_rank_stays():
    groups = [np.array([0, 2, 5]), np.array([3, 4])]
    rank = np.array([2, 0, 0, 1, 1, 1])
    assert duplicates.leave_out(groups, rank).tolist() == [0, 5]
    assert duplicates.leave_out([], rank).tolist() == []


def test_a_hash_as_text():
    (own,) = duplicates.hashes(array(picture(5))[None])
    assert len(duplicates.hash_text(own)) == 64
    np.testing.assert_array_equal(duplicates.parse_hash(duplicates.hash_text(own)), own)
    with pytest.raises(ValueError, match="2 bytes instead of 32"):
        duplicates.parse_hash("abcd")
