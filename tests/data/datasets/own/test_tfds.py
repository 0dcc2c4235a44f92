"""Datasets that TFDS has prepared: one is written here as TFDS writes it, and read by folder and by name."""

import numpy as np
import own_data
import pytest

from t2f_jax.data.datasets import base
from t2f_jax.data.datasets.own import source, tfds
from t2f_jax.errors import UserError

COUNT = 6


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("T2F_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module", params=["tfrecord", "array_record"])
def prepared(request, tmp_path_factory):
    """A dataset of two splits, and the folder of all datasets."""
    import tensorflow_datasets as tf_datasets

    folder = tmp_path_factory.mktemp(request.param)
    files = own_data.images(folder / "scratch", COUNT)

    def examples(split):
        for i in range(0 if split == "train" else 1, COUNT, 2):
            yield {
                "photo": files[i].read_bytes(),
                "image_id": files[i].name,
                "about": {"gender": i % 2, "Smiling": i % 3 == 0, "landmarks": {"nose_x": i, "nose_y": i}},
                "age": {"low": -1 if i == 3 else 20 + i, "high": -1 if i == 3 else 29 if i == 4 else 20 + i},
                "words": [f"Face {i}.", "A face."],
            }

    class OwnFaces(tf_datasets.core.GeneratorBasedBuilder):
        name = f"own_faces_{request.param}"
        VERSION = tf_datasets.core.Version("1.0.0")

        def _info(self):
            about = {
                "gender": tf_datasets.features.ClassLabel(names=["male", "female"]),
                "Smiling": np.bool_,
                "landmarks": {"nose_x": np.int64, "nose_y": np.int64},
            }
            return self.dataset_info_from_configs(
                features=tf_datasets.features.FeaturesDict(
                    {
                        "photo": tf_datasets.features.Image(),
                        "image_id": tf_datasets.features.Text(),
                        "about": about,
                        "age": {"low": np.int64, "high": np.int64},
                        "words": tf_datasets.features.Sequence(tf_datasets.features.Text()),
                    }
                )
            )

        def _split_generators(self, dl_manager):
            return {split: self._generate_examples(split) for split in ("train", "test")}

        def _generate_examples(self, split):
            yield from ((example["image_id"], example) for example in examples(split))

    OwnFaces(data_dir=folder, file_format=request.param).download_and_prepare()
    return folder / OwnFaces.name / "1.0.0", files


def test_examples_are_faces(prepared):
    folder, files = prepared
    faces = source.Own("own", folder, {"words": "caption"})
    assert [faces.id(i) for i in range(COUNT)] == [path.name for path in files]
    assert [a.name for a in faces.schema] == ["age", "gender", "smiling"]
    assert faces.fields(4) == {
        "attributes": {"age": "24-29", "gender": "male", "smiling": "no"},
        "captions": ["Face 4.", "A face."],
    }
    assert faces.fields(3)["attributes"] == {"gender": "female", "smiling": "yes"}
    assert [faces.id(i) for i in faces.split("test")] == ["01.jpg", "03.jpg", "05.jpg"] and faces.split("validation")
    for i in range(COUNT):
        assert faces.signature(i) == base.file_signature(files[i])
        assert np.array_equal(faces.image(i, 16), base.read_face(files[i], 16))


def test_examples_are_parsed_once_on_a_machine(prepared, monkeypatch):
    folder, _ = prepared
    first = tfds.read(str(folder))
    monkeypatch.setattr(tfds.Examples, "__getitem__", lambda self, i: pytest.fail("an example is parsed again"))
    assert tfds.read(str(folder)) == first


def test_a_dataset_is_found_by_name(prepared, monkeypatch):
    folder, _ = prepared
    monkeypatch.setenv("TFDS_DATA_DIR", str(folder.parents[1]))
    table = tfds.read(f"tfds:{folder.parent.name}:1.0.0")
    assert len(table.rows) == COUNT and table.layout == f"TFDS {folder.parent.name}/1.0.0"


def test_what_is_no_dataset_or_not_prepared_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    with pytest.raises(UserError, match=r"tfds:no_such_set: no dataset of TFDS \("):
        tfds.read("tfds:no_such_set")
    with pytest.raises(UserError, match=r"tfds:lfw: TFDS has not prepared it in .*; run `tfds build lfw` first"):
        tfds.read("tfds:lfw")
