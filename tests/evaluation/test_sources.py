import pickle
import types

import pytest
from fake_model import SCHEMA, face

from t2f_jax.config.schema import Config, DataConfig, DecoderRunConfig, Preprocess, SourceConfig, VQGANConfig
from t2f_jax.config.typed import to_dict
from t2f_jax.data.datasets.synthetic.source import Synthetic
from t2f_jax.errors import UserError
from t2f_jax.evaluation import sources
from t2f_jax.tokens.attributes import Attribute

READ = Preprocess(crop=0.9)
TRAINED = Config(data=DataConfig(crop=0.9, sources={"drawn": SourceConfig(count=50)}))


def model(config=TRAINED, preprocess=READ, **more):
    provenance = {"config": to_dict(config)} if config else {}
    return types.SimpleNamespace(provenance=provenance, preprocess=preprocess, **more)


def test_a_model_is_measured_on_its_own_sources_or_on_others(tmp_path):
    own = sources.configure(model(), ["data.sources.drawn.count=60", "eval.faces=3"])
    assert own.data.sources["drawn"].count == 60 and own.eval.faces == 3
    (tmp_path / "my faces.csv").write_text("image,age\n")
    table = str(tmp_path / "my faces.csv")
    data = ["celeba", f"utkface:{tmp_path}", table, table, "synthetic"]
    other = sources.configure(model(), ["data.sources.my_faces_2.columns=age=years"], data).data
    assert {name: (s.kind, s.folder) for name, s in other.sources.items()} == {
        "celeba": ("celeba", ""),
        "utkface": ("utkface", str(tmp_path)),
        "my_faces": ("own", table),
        "my_faces_2": ("own", table),
        "synthetic": ("synthetic", ""),
    }
    assert other.crop == 0.9
    assert other.sources["my_faces_2"].columns == "age=years"


def test_data_that_is_not_there_is_refused():
    with pytest.raises(UserError, match=r"'--data' must be one of .* the nearest is 'celeba'"):
        sources.configure(model(), [], ["celebA2"])


def test_an_imported_model_says_itself_how_pixels_are_made():
    structure = VQGANConfig(resolution=32)
    imported = model(
        None,
        image_tokenizer=types.SimpleNamespace(config=structure),
        image_size=32,
        preprocess=Preprocess(crop=0.8),
        run_config=DecoderRunConfig(sequence_length=99),
    )
    config = sources.configure(imported, [], ["synthetic"])
    assert (config.data.image_size, config.data.crop, config.image.model) == (32, 0.8, structure)
    assert config.decoder.sequence_length == 99


def test_faces_are_read_as_the_model_reads_them():
    squashing = model(preprocess=Preprocess(resize="squash", filter="box"))
    data = sources.configure(squashing, [], ["synthetic"]).data
    assert (data.crop, data.resize, data.filter) == (1.0, "squash", "box")
    with pytest.raises(
        UserError, match=r"data\.filter=lanczos: this model's faces are read with filter=box; leave data.filter away"
    ):
        sources.configure(squashing, ["data.filter=lanczos"])


def test_what_model_and_source_share_can_be_asked():
    theirs = (
        Attribute("age", low=0, high=116, ranges=("0-2", "3-9", "70+")),
        Attribute("ethnicity", ("asian", "black", "white")),
        Attribute("mood", ("sad", "happy")),
        Attribute("gender", ("male", "female")),
    )
    known = (Attribute("ethnicity", ("white", "asian", "indian")), Attribute("gender", ("female", "male")))
    known += (Attribute("age", low=3, high=90), Attribute("mood", low=1, high=5))
    age, ethnicity, gender = sources.shared_schema(theirs, known)
    assert (age.low, age.high, age.ranges) == (3, 90, ("3-9", "70+"))
    assert ethnicity.values == ("asian", "white") and gender.values == ("male", "female")
    assert sources.shared_schema(SCHEMA, SCHEMA) == SCHEMA
    labels = {"age": "0-2", "ethnicity": "white", "gender": "male", "mood": "sad"}
    fields = sources.known_fields({"attributes": labels, "captions": ["A face."]}, (age, ethnicity, gender))
    assert fields == {"attributes": {"ethnicity": "white", "gender": "male"}, "captions": ["A face."]}
    same = face("male", "no", 30)
    assert sources.known_fields(same, SCHEMA) is same


def test_all_faces_of_a_source_can_be_measured():
    source = Synthetic("drawn", 30, 0)
    whole = pickle.loads(pickle.dumps(sources.with_all_faces(source)))  # other processes draw its faces
    assert whole.split("test") == list(range(30)) and whole.split("train") == source.split("train")
    assert len(source.split("test")) < 30 and whole.fields(3) == source.fields(3)


def test_some_training_faces_are_a_fixed_choice():
    source = Synthetic("drawn", 60, 0)
    some = sources.with_some_training_faces(source, 10, seed=3)
    assert len(some.split("train")) == 10 and set(some.split("train")) < set(source.split("train"))
    assert some.split("train") == sources.with_some_training_faces(source, 10, seed=3).split("train")
    assert some.split("test") == source.split("test")
    assert sources.with_some_training_faces(source, 48, seed=3) is source
