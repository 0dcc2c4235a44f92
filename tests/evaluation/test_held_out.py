import dataclasses

from t2f_jax.config.schema import Config, DataConfig, EvalConfig
from t2f_jax.data.datasets.synthetic.source import Synthetic
from t2f_jax.evaluation.held_out import read_held_out

CONFIG = Config(data=DataConfig(image_size=16), eval=EvalConfig(faces=3))


def test_held_out_faces_are_a_fixed_choice_of_the_test_faces(tmp_path):
    source = Synthetic("drawn", 60, 0)
    chosen = read_held_out(source, CONFIG, tmp_path, seed=1)
    assert chosen.images.shape == (3, 16, 16, 3) and len(chosen.every) == 6 and chosen.training_faces == 48
    rows = [chosen.every.fields.index(f) for f in chosen.fields]
    assert rows == sorted(rows) and chosen.ids == [chosen.every.ids[row] for row in rows]
    assert (chosen.every.images[rows] == chosen.images[:]).all()
    again = read_held_out(source, CONFIG, tmp_path, seed=1)
    assert chosen.fields == again.fields and chosen.fingerprint == again.fingerprint
    every = dataclasses.replace(CONFIG, eval=dataclasses.replace(CONFIG.eval, faces=0))
    whole = read_held_out(source, every, tmp_path, seed=1)
    assert len(whole.images) == 6 and whole.fingerprint != chosen.fingerprint
    assert len(read_held_out(source, every, tmp_path, seed=1, split="validation").images) == 6


def test_what_the_model_does_not_know_is_not_asked(tmp_path):
    source = Synthetic("drawn", 60, 0)
    known = [a for a in source.schema if a.name in ("gender", "age")]
    chosen = read_held_out(source, CONFIG, tmp_path, seed=1, split="all", known=known)
    assert {a.name for a in chosen.schema} == {"gender", "age"} and chosen.split == "all"
    assert all(set(f["attributes"]) <= {"gender", "age"} for f in chosen.fields)
    assert set(chosen.training) == {"gender", "age"} and chosen.training["gender"].total() == 48
    assert len(chosen.every) == 60
