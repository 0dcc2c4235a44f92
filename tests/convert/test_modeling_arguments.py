"""The PyTorch model with every kind of wrong argument: a ValueError or TypeError of its own, which names it."""

import inspect
import io
import json

import numpy as np
import pytest
from hugging import make, pictures
from PIL import Image

from t2f_jax.convert import huggingface
from t2f_jax.inference.model import Model

FACE = pictures(1)[0]
CODES = np.zeros((2, 16), np.int64)
NAN = float("nan")
NO_WHOLE = (2.5, 1.0, True, np.bool_(True), "3", None, [1], NAN)
NO_NUMBER = ("3", True, NAN, float("inf"), 1j, [1.0], b"1", object(), 10**400, np.zeros(3))

WRONG = {
    "text": (None, 3, b"a man", ["a", None], {"text": "a"}, [["a"]], "a \udcff", ["a"] * 3),
    "seeds": (None, 3, "12", b"12", {0: 1}, [], [0.5], [True], [None], ["1"], [-1], [2**32], np.zeros(1), [[0]]),
    "batch_size": (*NO_WHOLE, 0, -1),
    "length": (*NO_WHOLE, 0, -1),
    "attributes": ("agee", ["agee"], [None], 3, b"age", [1], {"agee": 30}),
    "pictures": (
        *(None, 3, [], iter(()), b"x", {"a": FACE}, True, [None], [[FACE]], object(), np.array(None)),
        *(FACE[..., 0], FACE.transpose(2, 0, 1), FACE.astype(float), FACE > 0, FACE[None, None], FACE[None][:0]),
        *("nowhere.png", "", "/", "\0", io.BytesIO(b"no picture"), io.StringIO("text"), Image.new("RGB", (0, 4))),
    ),
    "images": (None, 3, [], "a.png", FACE, FACE[None].astype(float), FACE[None, :8], FACE[None].transpose(0, 3, 1, 2)),
    "codes": (
        *(None, 3, [], "codes", CODES[0], CODES[:, :4], CODES.astype(float), CODES > 0, CODES - 1, CODES + 16),
        *([[0], [0, 1]], CODES.astype(object)),
    ),
    "temperature": (*NO_NUMBER, None, -1),
    "final_temperature": (*NO_NUMBER, -1),
    "guidance": (*NO_NUMBER, None, -1),
    "number_guidance": (*NO_NUMBER, None, -1),
    "top_k": (*NO_WHOLE, -1),
    "top_p": (*NO_NUMBER, None, 0, 1.5),
    "min_p": (*NO_NUMBER, None, -0.1, 1.1),
    "temprature": (1.0,),
}
WANTED = ("gender=male", ["gender"], 3, {1: 2}, {"glases": "yes"}, {"age": 30.5}, {"age": None}, {"age": 12, "AGE": 13})
SAMPLING = ("temperature", "final_temperature", "guidance", "top_k", "top_p", "min_p", "number_guidance", "temprature")
CALLS = {
    "generate_images": {"text": "a man"},
    "generate_codes": {"text": "a man"},
    "caption": {"pictures": FACE},
    "analyze": {"pictures": FACE},
    "images": {"pictures": FACE},
    "encode": {"images": FACE[None]},
    "decode": {"codes": CODES},
}
OPTIONS = {
    "generate_images": ("text", "attributes", "seeds", "batch_size", *SAMPLING),
    "generate_codes": ("text", "attributes", "seeds", "batch_size", *SAMPLING),
    "caption": ("pictures", "length", "batch_size", *SAMPLING),
    "analyze": ("pictures", "attributes", "batch_size"),
    "images": ("pictures",),
    "encode": ("images", "batch_size"),
    "decode": ("codes", "batch_size"),
}


@pytest.fixture(scope="module")
def models(modeling, tmp_path_factory):
    model, folder = make(), tmp_path_factory.mktemp("models") / "hf"
    huggingface.export(model, folder)
    return Model(model), modeling.load(folder)


@pytest.fixture(scope="module")
def model(models):
    return models[1]


@pytest.mark.parametrize(("name", "option"), [(name, option) for name in OPTIONS for option in OPTIONS[name]])
def test_a_wrong_argument_is_named(model, name, option):
    wanted = option == "attributes" and name != "analyze"
    named = {"pictures": "", "temprature": "temperature"}.get(option, option.rstrip("s"))
    for value in WANTED if wanted else WRONG[option]:
        with pytest.raises((ValueError, TypeError)) as caught:
            getattr(model, name)(**{**CALLS[name], option: value})
            pytest.fail(f"{option}={value!r} is taken")
        told, raised = str(caught.value), inspect.getinnerframes(caught.tb)[-1].filename
        assert raised.endswith("modeling_talk2face.py"), (value, raised)
        assert "\n" not in told and (named in told or "attribute" in told or "age" in told), (value, told)


def test_seeds_are_as_many_as_faces(model):
    with pytest.raises(ValueError, match="3 seeds for 1 faces"):
        model.caption(FACE, seeds=[0, 1, 2])
    for seeds in (3, "1", [0.5], [-1], {0: 1}):
        with pytest.raises((ValueError, TypeError), match="seeds"):
            model.caption(FACE, seeds=seeds)


def test_numbers_and_words_of_numpy_are_taken(model):
    plain = model.generate_codes("a man", {"age": 12, "gender": "male"}, [3], top_k=3, temperature=0.5)
    wanted = {"age": np.int64(12), np.str_("gender"): np.str_("male")}
    for kind in (np.int8, np.uint16, np.int32, np.uint64):
        options = {"seeds": [kind(3)], "top_k": kind(3), "temperature": np.float32(0.5), "batch_size": kind(1)}
        assert model.generate_codes(np.str_("a man"), wanted, **options).tolist() == plain.tolist()


def test_yes_and_no_may_be_true_and_false(model):
    for given, same in ((True, "yes"), (False, "no")):
        codes = [model.generate_codes("a man", {"glasses": value}, temperature=0.0) for value in (given, same)]
        assert codes[0].tolist() == codes[1].tolist()


def test_one_name_is_a_list_of_one(model):
    assert model.analyze(FACE, "age") == model.analyze(FACE, ["age"]) == model.analyze(FACE, np.str_("AGE"))


def test_codes_and_images_of_any_kind_give_the_same(torch, model):
    images = pictures(2)
    codes = model.encode(images)
    for same in (torch.tensor(images), [*images], np.asarray(images, order="F")):
        assert model.encode(same).tolist() == codes.tolist()
    faces = model.decode(codes)
    for same in (codes.numpy().astype(np.uint8), codes.tolist(), codes.to(torch.int32), codes.numpy()):
        assert np.array_equal(model.decode(same), faces)
    tensors = torch.tensor(images)
    assert np.array_equal(model.images(tensors), model.images(images))
    assert np.array_equal(model.images(iter(tensors)), model.images(images))
    assert model.encode(images[:0]).shape == (0, 16)


def test_an_unreadable_picture_is_both_kinds_of_error(model, tmp_path):
    (tmp_path / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n1234")
    for picture, told in (
        ("nowhere.png", "nowhere.png: no such image file"),
        (tmp_path, "this is a folder; give an image file"),
        (tmp_path / "cut.png", "cut.png: not a readable image"),
        ([FACE, io.BytesIO(b"x")], "picture 2: not a readable image"),
    ):
        for kind in (OSError, ValueError):
            with pytest.raises(kind, match=told):
                model.images(picture)


def test_both_models_refuse_the_same(models):
    ours, theirs = models
    both = (
        lambda m: m.analyze(FACE, ["glases"]),
        lambda m: m.caption(FACE, length=0),
        lambda m: m.caption(FACE, top_p=0) if m is theirs else m.generate("a man", top_p=0),
        lambda m: m.decode(CODES + 16),
        lambda m: m.encode(FACE),
        lambda m: m.images([FACE, FACE.astype(float)]),
    )
    for call in both:
        told = []
        for model in (ours, theirs):
            with pytest.raises((ValueError, TypeError)) as caught:
                call(model)
            told.append(str(caught.value))
        assert told[0].split(" (")[0] == told[1].split(" (")[0], json.dumps(told)
