"""Every method of a model with every kind of wrong argument: a sentence that names it, from this package alone."""

import concurrent.futures
import dataclasses
import inspect
import io
import json
import multiprocessing

import jax.numpy as jnp
import numpy as np
import pytest
import small_model
from PIL import Image

import t2f_jax
from t2f_jax import arguments
from t2f_jax.config import loader
from t2f_jax.config.schema import Config, ReadingConfig, TrainConfig
from t2f_jax.errors import UserError, WrongArgument
from t2f_jax.evaluation import suite
from t2f_jax.experiments import stages
from t2f_jax.inference import decoding, grammar
from t2f_jax.inference.batching import call_in_batches
from t2f_jax.inference.face_request import FaceOptions
from t2f_jax.inference.sampler import Sampler
from t2f_jax.tokens.attributes import Attribute
from t2f_jax.tokens.prompts import Prompt

FACE = np.zeros((16, 16, 3), np.uint8)
CODES = np.zeros((2, 16), np.int32)
NAN = float("nan")
NO_WHOLE = (2.5, 1.0, True, np.bool_(True), "3", None, [1], NAN, np.array([1]), 1 + 0j)
NO_NUMBER = ("3", True, NAN, float("inf"), 1j, [1.0], b"1", object(), 10**400, np.bool_(True), np.zeros(3))
NO_TEXT = (None, 3, b"a man", ["a", None], {"text": "a"}, [["a"]], "a \udcff", Prompt("a"))


@pytest.fixture(scope="module")
def model():
    return small_model.make(prompt_dropout=0.1)


# A call with every option that a number or a word may be given for: what is right is given where none is named.
CALLS = {
    "generate": lambda m, **k: m.generate(**{"text": "a man", **k}),
    "complete": lambda m, **k: m.complete(**{"picture": FACE, "text": "a man", **k}),
    "vary": lambda m, **k: m.vary(**{"picture": FACE, "text": "a man", **k}),
    "caption": lambda m, **k: m.caption(**{"pictures": FACE, **k}),
    "captions": lambda m, **k: m.captions(**{"pictures": FACE, "n": 2, **k}),
    "analyze": lambda m, **k: m.analyze(**{"pictures": FACE, **k}),
    "score": lambda m, **k: m.score(**{"pictures": FACE, "text": "a man", **k}),
    "prompt": lambda m, **k: m.prompt(**k),
    "images": lambda m, **k: m.images(**{"pictures": FACE, **k}),
    "encode": lambda m, **k: m.encode(**{"images": FACE[None], **k}),
    "decode": lambda m, **k: m.decode(**{"codes": CODES, **k}),
    "requests": lambda m, **k: m.requests(**{"prompts": ["a man"], "seeds": [0], **k}),
    "generate_codes": lambda m, **k: m.generate_codes(**{"prompts": ["a man"], "seeds": [0], **k}),
    "describe_codes": lambda m, **k: m.describe_codes(**{"codes": CODES, **k}),
    "caption_codes": lambda m, **k: m.caption_codes(**{"codes": CODES, "n": 2, **k}),
    "analyze_codes": lambda m, **k: m.analyze_codes(**{"codes": CODES, **k}),
    "analyze_images": lambda m, **k: m.analyze_images(**{"images": FACE[None], **k}),
    "answers": lambda m, **k: m.answers(**{"images": FACE[None], **k}),
    "describe": lambda m, **k: m.describe(**{"images": FACE[None], **k}),
    "probabilities": lambda m, **k: m.probabilities(**{"codes": CODES, **k}),
    "asked": lambda m, **k: m.asked(**k),
    "attribute": lambda m, **k: m.attribute(**k),
    "caption_scores": lambda m, **k: m.caption_scores(**{"codes": CODES, "captions": ["a", "b"], **k}),
    "image_scores": lambda m, **k: m.image_scores(**{"codes": CODES, "sentences": ["a", "b"], **k}),
    "prompt_scores": lambda m, **k: m.prompt_scores(**{"codes": CODES, "prompts": ["a", "b"], **k}),
    "score_codes": lambda m, **k: m.score_codes(**{"codes": CODES, "prompts": ["a", "b"], **k}),
    "make_images": lambda m, **k: m.make_images(
        **{"codes": CODES, "prompts": ["a"] * 2, "seeds": [0, 1], "sampler": Sampler(), **k}
    ),
    "face_request": lambda m, **k: m.face_request(**{"text": "a man", "attributes": None, "n": 1, "seed": 0, **k}),
    "faces_of": lambda m, **k: m.faces_of(**{"request": m.face_request("a man", None, 2, 0), "codes": CODES, **k}),
    "face_features": lambda m, **k: m.face_features(**{"codes": CODES, **k}),
    "fits_prompt": lambda m, **k: m.fits_prompt(**k),
    "has_unknown_tokens": lambda m, **k: m.has_unknown_tokens(**k),
    "unknown_words": lambda m, **k: m.unknown_words(**k),
    "check_caption": lambda m, **k: m.check_caption(**k),
    "checked_prompts": lambda m, **k: m.checked_prompts(**k),
}
SIGNATURES = {name: set(inspect.signature(getattr(t2f_jax.Model, name)).parameters) for name in CALLS}
DRAWING = ("generate", "complete", "vary")

WRONG = {  # an option -> the values that no method takes for it
    "n": (*NO_WHOLE, 0, -1),
    "keep": (*(v for v in NO_WHOLE if v is not None), 0.5, 0, -1, 2),
    "seed": (*NO_WHOLE, -1, 2**32, np.int64(-1)),
    "length": (*NO_WHOLE, 0, -1),
    "batch_size": (*NO_WHOLE, 0, -1),
    "share": (*NO_NUMBER, None, "half", 0, 1, -0.5, 1.5),
    "temperature": (*NO_NUMBER, None, -1),
    "final_temperature": (*NO_NUMBER, -1),
    "guidance": (*NO_NUMBER, None, -1),
    "number_guidance": (*NO_NUMBER, None, -1),
    "top_k": (*NO_WHOLE, -1),
    "top_p": (*NO_NUMBER, None, 0, 1.5),
    "min_p": (*NO_NUMBER, None, -0.1, 1.1),
    "seeds": (3, "12", b"12", {0: 1}, [0.5, 1], [True, 0], [None, 0], [-1, 0], [2**32, 0], [0] * 5, np.zeros(2)),
    "sampler": ("greedy", {}, 0, False, Sampler),
    "reading": ("words", {}, 0, False, ReadingConfig),
    "progress": (True, "yes", 3),
    "request": (None, "a man", {}, 3),
    "landmarks": (3, "a.txt", {}, [], [3], [[1, 2]], [None, None], [np.zeros((4, 2))], [[["1", "2"]] * 5]),
    "text": NO_TEXT,
    "captions": (*NO_TEXT, "ab", ["a"], ["a"] * 3),
    "sentences": (*NO_TEXT, "ab", ["a"], ["a"] * 3),
    "prompts": (None, 3, "ab", [None, "a"], [3, 4], {"a": 1, "b": 2}),
    "attributes": (3, b"age", [1], {"agee": 30}, {1: 2}, "agee", ["agee"], [None]),
    "avoid": ("hat", ["hat"], {1: 2}, {"glases": "yes"}, {"age": 30.5}),
    "name": (None, 3, b"age", ["age"], "agee"),
    "picture": (None, 3, [], b"x", {}, FACE[..., 0], FACE.astype(float), [FACE, FACE]),
    "pictures": (
        *(None, 3, [], iter(()), b"x", {"a": FACE}, True, [None], [[FACE]], object()),
        *(FACE[..., 0], FACE[..., :2], FACE.transpose(2, 0, 1), np.zeros((16, 16, 4), np.uint8)),
        *(FACE.astype(float), FACE.astype(np.int64), FACE > 0, FACE[None, None], np.zeros((0, 16, 16, 3), np.uint8)),
        *(
            "nowhere.png",
            "",
            "/",
            "\0",
            io.BytesIO(b"no picture"),
            io.StringIO("text"),
            np.array(None),
            Image.new("RGB", (0, 4)),
        ),
    ),
    "images": (None, 3, [], "a.png", FACE, FACE[None].astype(float), FACE[None, :8], FACE[None].transpose(0, 3, 1, 2)),
    "codes": (
        *(None, 3, [], "codes", CODES[0], CODES[None], CODES[:, :4], CODES.astype(float), CODES > 0, CODES - 1),
        *(CODES + 16, [[0], [0, 1]], CODES.astype(object), jnp.zeros((2, 16)), CODES.astype(np.int64) + 2**32),
    ),
    "imposed": (3, [], CODES[:1, :4], [CODES[0] * 0.5], [CODES[0] - 2], [CODES[0] + 16], CODES),
}
WANTED = ("gender=male", ["gender"], 3, {1: 2}, {"glases": "yes"}, {"age": 30.5}, {"age": None}, {"age": ("30", "2")})
WANTED += ({"age": (30, 2, 1)}, {"age": 30, "AGE": 40}, {"glasses": b"yes"}, {b"age": 30}, {"age": True})
WANTS = (*DRAWING, "score", "prompt", "face_request")  # whose `attributes` have values, too
TAKEN = [(name, option) for name, known in SIGNATURES.items() for option in sorted(known & set(WRONG))]
TAKEN += [(name, option) for name in DRAWING for option in FaceOptions.__annotations__]


def test_every_public_method_and_every_option_stands_in_the_table():
    public = {n for n, _ in inspect.getmembers(t2f_jax.Model, inspect.isfunction) if n[0] != "_"}
    assert public == set(CALLS)
    options = {option for known in SIGNATURES.values() for option in known} | set(FaceOptions.__annotations__)
    assert options - set(WRONG) == {"self", "options", "about", "changes"}


@pytest.mark.parametrize(("name", "option"), TAKEN)
def test_a_wrong_argument_is_named(model, name, option):
    named = {"picture": "pictur", "pictures": "", "name": "attribute"}.get(option, option.rstrip("s"))
    for value in WANTED if option == "avoid" or (option == "attributes" and name in WANTS) else WRONG[option]:
        if value is None and option == "codes" and name in ("answers", "describe"):
            continue  # they are computed
        with pytest.raises(UserError) as caught:
            CALLS[name](model, **{option: value})
            pytest.fail(f"{option}={value!r} is taken")
        told = str(caught.value)
        assert isinstance(caught.value, (ValueError, TypeError)) and "\n" not in told, value
        assert named in told or (option == "avoid" and "attribute" in told), (value, told)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda m: m.generate([]), "the prompt is empty"),
        (lambda m: m.generate("a", temprature=1.0), "unknown option 'temprature'=1.0; the nearest is 'temperature'"),
        (lambda m: m.generate("a", attributes={"glases": "yes"}), "the nearest is 'glasses' (no or yes)"),
        (lambda m: m.generate("a", attributes={"gender": "femal"}), "did you mean 'female'?"),
        (
            lambda m: m.generate("a", attributes={"age": 30, "Age": 40}),
            "'age' is given twice, the second time as 'Age'",
        ),
        (lambda m: m.generate("a", n=2, seed=2**32 - 1), "seed=4294967295 must be a whole number from 0 to 4294967294"),
        (lambda m: m.generate("a", n=10**12), "n=1000000000000 must be a whole number from 1 to 4294967296"),
        (lambda m: m.complete(FACE, 0.01), "share=0.01 of 4 rows of codes must keep at least one"),
        (lambda m: m.caption([FACE] * 2, seeds=[1]), "1 seeds for 2 faces; give one for each"),
        (lambda m: m.score([FACE] * 2, ["a"] * 3), "3 texts for 2 faces"),
        (lambda m: m.score(FACE, "", {}), "nothing to score"),
        (lambda m: m.generate_codes(["a"] * 2, [1]), "1 seeds for 2 faces"),
        (lambda m: m.prompt_scores(CODES, ["a"]), "1 prompts for 2 faces"),
        (lambda m: m.make_images(CODES, ["a"], [0, 1], Sampler()), "1 prompts for 2 faces"),
        (lambda m: m.make_images(CODES, ["a"] * 2, [0], Sampler()), "1 seeds for 2 faces"),
        (lambda m: m.make_images(CODES, ["a"] * 2, [0, 1], None), "sampler=None must be of type Sampler"),
        (lambda m: m.encode(FACE[None, :, :, :2]), "images must be uint8 [N, 16, 16, 3], got uint8 [1, 16, 16, 2]"),
        (lambda m: m.decode(CODES + 16), "codes must lie in 0..15, got 16..16"),
        (lambda m: m.analyze("/"), "/: this is a folder; give an image file"),
        (lambda m: m.analyze([FACE, None]), "picture 2: a picture is a path, an opened file, a PIL image or a uint8"),
        (lambda m: t2f_jax.load(None), "folder=None must be a path"),
        (lambda m: t2f_jax.load(b"model"), "folder=b'model' must be a path"),
        (lambda m: t2f_jax.load("nowhere"), "nowhere: no such folder; give a model folder"),
        (lambda m: t2f_jax.Model("model"), "bundle='model' must be of type Bundle; t2f_jax.load opens a model folder"),
        (lambda m: decoding.Request((), grammar.image(m.vocab, 16)), "a prefix of one id or more"),
        (lambda m: decoding.Request(((),), grammar.image(m.vocab, 16)), "a prefix of one id or more"),
        (lambda m: decoding.Request(((1,),), grammar.image(m.vocab, 16), 1.5), "seed=1.5 must be a whole number"),
        (lambda m: decoding.generate(m.engine, [], None), "chosen=None must be of type Sampler"),
        (lambda m: decoding.generate(m.engine, [], Sampler(), 0), "batch_size=0"),
        (lambda m: Sampler(top_p="1"), "top_p='1' must be a number above 0 and at most 1"),
        (lambda m: Attribute("Age", low=1, high=9), "lower-case"),
        (lambda m: Attribute("hat", ["no", "yes"]), "must be a tuple of lower-case words"),
        (lambda m: Attribute("hat", ("no", 1)), "must be a tuple of lower-case words"),
        (lambda m: Attribute("age", low=1.5, high=9), "'age', low=1.5 must be a whole number"),
        (lambda m: arguments.array("x", [[1], [1, 2]], np.integer, ("N", 2), "whole numbers"), "is not an array"),
    ],
)
def test_a_sentence_says_what_would_be_right(model, call, told):
    with pytest.raises(WrongArgument) as caught:
        call(model)
    assert told in str(caught.value)


BROKEN = dataclasses.replace(Config(), image=dataclasses.replace(Config().image, train=TrainConfig(steps=2.5)))


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda out: stages.train(3, out), "config part '' must hold named values, got 3"),
        (lambda out: stages.train({"decodr": {}}, out), "the nearest is 'decoder'"),
        (lambda out: stages.train(BROKEN, out), "'image.train.steps' must be of type int, got 2.5"),
        (lambda out: stages.train(Config(), None), "out=None must be a path"),
        (lambda out: stages.train(Config(), out, tokenizer=3), "tokenizer=3 must be a path"),
        (lambda out: stages.train(Config(), out, tokenizer="nowhere", store=b"x"), "store=b'x' must be a path"),
        (lambda out: stages.train_tokenizer(BROKEN, out), "'image.train.steps' must be of type int, got 2.5"),
        (lambda out: stages.train_tokenizer(Config(), str(out), cache=3), "cache=3 must be a path"),
        (lambda out: stages.prepare_store(Config(), None, out), "tokenizer=None must be a path"),
        (lambda out: stages.prepare_store(Config(), "nowhere", str(out)), "nowhere: no such folder"),
        (lambda out: suite.evaluate(None, out), "model_folder=None must be a path"),
        (lambda out: suite.evaluate("nowhere", str(out)), "nowhere: no such folder"),
        (lambda out: suite.evaluate("nowhere", out, seed=1.5), "seed=1.5 must be a whole number"),
        (lambda out: loader.load(3), "spec=3 must be a path"),
        (lambda out: loader.load("quickstrat"), "no config 'quickstrat'"),
        (lambda out: loader.load("quickstart", 3), "overrides=3 must be a str or a list of str"),
        (lambda out: loader.load("quickstart", "decoder.trian.steps=3"), "decoder.train.steps"),
        (lambda out: loader.load("quickstart", ["decoder.train.steps=2.5"]), "must be of type int, got 2.5"),
    ],
)
def test_runs_called_from_python_name_what_is_wrong(tmp_path, call, told):
    with pytest.raises(WrongArgument) as caught:
        call(tmp_path)
    assert told in str(caught.value) and not [*tmp_path.iterdir()]


def test_configs_take_numbers_of_numpy():
    steps = {"train": {"steps": np.int32(7)}, "model": {"dropout": np.float32(0.5)}}
    config = loader.narrow({"decoder": steps})
    assert type(config.decoder.train.steps) is int and config.decoder.train.steps == 7
    assert loader.narrow(config) == config and loader.load("quickstart", "eval.faces=3").eval.faces == 3


@pytest.mark.parametrize("option", ["images", "codes"])
def test_an_image_tokenizer_names_a_wrong_array(model, option):
    calls = {"images": ("encode", "reconstruct", "checked_images"), "codes": ("decode", "checked_codes")}
    for name in calls[option]:
        for value in WRONG[option]:
            with pytest.raises(WrongArgument, match=f"^{option} must "):
                getattr(model.image_tokenizer, name)(value)


@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
def test_whole_numbers_of_any_type_are_taken_and_become_plain(model, kind):
    seed, one = np.dtype(kind).type(7), np.dtype(kind).type(1)
    (face,) = model.generate("a man", n=one, seed=seed, top_k=np.dtype(kind).type(3), batch_size=one, keep=one)
    (plain,) = model.generate("a man", n=1, seed=7, top_k=3, batch_size=1)
    assert face.tobytes() == plain.tobytes() and face.info["seed"] == 7
    assert type(face.info["seed"]) is int and json.loads(json.dumps(face.info))["options"]["top_k"] == 3


def test_numbers_and_words_of_numpy_and_jax_become_plain(model):
    numbers = {"temperature": np.float32(0.5), "guidance": np.float32(2), "top_p": jnp.float32(0.5)}
    wanted = {"age": np.int64(30), np.str_("gender"): np.str_("male"), "glasses": (np.str_("yes"), np.float32(2))}
    (face,) = model.generate(np.str_("a man"), wanted, seed=jnp.int32(3), **numbers)
    (plain,) = model.generate(
        "a man",
        {"age": 30, "gender": "male", "glasses": ("yes", 2.0)},
        seed=3,
        temperature=0.5,
        guidance=2.0,
        top_p=0.5,
    )
    assert face.tobytes() == plain.tobytes() and json.dumps(face.info) == json.dumps(plain.info)
    assert model.caption([FACE], seeds=np.arange(1)) == model.caption([FACE], seeds=[jnp.int32(0)])
    assert Sampler(temperature=1).temperature == 1 and type(Sampler(temperature=1).temperature) is int


def test_one_name_is_a_list_of_one(model):
    for one, many in (("age", ["age"]), (np.str_("age"), ("age",)), ("AGE", {"age": None}.keys())):
        assert model.analyze(FACE, one) == model.analyze(FACE, many)
        assert list(model.probabilities(CODES, one)[0]) == list(model.probabilities(CODES, many)[0]) == ["age"]


def test_pictures_and_codes_of_any_kind_give_the_same(model):
    several = [FACE, FACE + 99]
    files = [io.BytesIO(), io.BytesIO()]
    for file, picture in zip(files, several):
        Image.fromarray(picture).save(file, "PNG")
    expected = model.images(np.stack(several))
    for pictures in (several, iter(several), jnp.stack(several), map(jnp.asarray, several), files, files, [*files]):
        assert np.array_equal(model.images(pictures), expected)
    codes = model.encode(expected)
    assert np.array_equal(model.encode(jnp.asarray(expected)), codes)
    assert np.array_equal(model.encode([*expected]), codes)
    for same in (codes.tolist(), jnp.asarray(codes), codes.astype(np.uint8), codes.astype(np.int64)):
        assert np.array_equal(model.decode(same), model.decode(codes))


def test_no_rows_give_no_results(model):
    none = CODES[:0]
    assert model.encode(np.zeros((0, 16, 16, 3), np.uint8)).shape == (0, 16)
    assert model.decode(none).shape == (0, 16, 16, 3) and model.generate_codes([], []).shape == (0, 16)
    assert model.describe_codes(none) == model.caption_codes(none, 2) == model.analyze_codes(none) == []
    assert model.probabilities(none) == model.prompt_scores(none, []) == model.score_codes(none, []) == []
    assert model.caption_scores(none, []).shape == model.image_scores(none, []).shape == (0,)
    assert call_in_batches(lambda rows: rows[:, :2] * 2, np.zeros((0, 3)), 4).shape == (0, 2)


def test_wrong_options_are_told_before_a_picture_is_read(model):
    def unread():
        raise AssertionError("a picture was read")
        yield

    for name, options in {
        "caption": {"length": 0},
        "captions": {"n": 0},
        "analyze": {"attributes": "agee"},
        "score": {"attributes": {"agee": 3}},
    }.items():
        with pytest.raises(WrongArgument):
            CALLS[name](model, **{"pictures": unread(), **options})
    for name in ("complete", "vary"):
        for options in ({"n": 0}, {"share": 2}, {"guidance": -1}, {"keep": 2}, {"attributes": {"agee": 3}}):
            with pytest.raises(WrongArgument):
                CALLS[name](model, **{"picture": unread(), **options})


# ----- threads and processes -----


def everything(model, seed):
    (face,) = model.generate("a man", {"age": 30}, seed=seed)
    return face.tobytes(), model.caption(face), model.analyze(face, "gender"), model.score(face, "a man")


def test_several_threads_get_what_each_would_get_alone(model):
    alone = [everything(model, seed) for seed in range(4)]
    fresh = t2f_jax.Model(model.bundle)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert list(pool.map(everything, [fresh] * 8, [0, 1, 2, 3] * 2)) == alone * 2
        assert len({id(engine) for engine in pool.map(lambda _: fresh.engine, range(8))}) == 1


def test_a_spawned_worker_gets_the_same(model):
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(model.caption, FACE).result(timeout=300) == model.caption(FACE)
        with pytest.raises(WrongArgument, match="n=0 must be"):  # an error comes back as it was raised
            pool.submit(model.generate, "a man", n=0).result(timeout=300)


@pytest.mark.parametrize("wrong", ["", b"a", None, 3, "a\0b", "\ud800"])
def test_a_path_is_one_that_a_file_can_have(wrong):
    with pytest.raises(WrongArgument, match="folder="):
        t2f_jax.load(wrong)


def test_a_folders_name_that_is_too_long_is_no_folder():
    with pytest.raises(WrongArgument, match="no such folder"):
        t2f_jax.load("x" * 300)
