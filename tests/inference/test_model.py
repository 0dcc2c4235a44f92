"""What a user does with a model: every call, what stands in its images and records, and what it refuses."""

import copy
import dataclasses
import doctest
import inspect
import multiprocessing
import pickle

import jax
import numpy as np
import pytest
import small_model
from PIL import Image

import t2f_jax
from t2f_jax import bundle
from t2f_jax.errors import UserError
from t2f_jax.inference import decoding, model
from t2f_jax.inference.sampler import Sampler
from t2f_jax.io import images
from t2f_jax.tokens import prompts, sequence, templates


@pytest.fixture(scope="module")
def loved():
    return small_model.make(prompt_dropout=0.1)


@pytest.fixture(scope="module")
def face(loved):
    return loved.generate("a man", seed=7)[0]


def pixels(faces):
    return np.stack([np.asarray(face) for face in faces])


def test_the_documented_examples_run(loved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bundle.save(tmp_path / "runs" / "quickstart" / "model", loved.bundle)
    (example,) = [e for e in doctest.DocTestFinder().find(model.Model, "Model", globs={}) if e.name == "Model"]
    assert len(example.examples) > 10
    told = []
    assert doctest.DocTestRunner().run(example, out=told.append).failed == 0, "".join(told)


def test_faces_are_pictures_that_say_what_made_them(loved):
    faces = loved.generate("a man", {"glasses": "yes"}, n=3, seed=4, temperature=0.9)
    assert [f.size for f in faces] == [(16, 16)] * 3 and [f.info["seed"] for f in faces] == [4, 5, 6]
    about = faces[1].info
    assert about["prompt"] == "a man glasses" and about["model"] == loved.hash
    assert about["options"]["temperature"] == 0.9 and about["options"]["top_p"] == 0.95
    again = loved.generate("a man", {"glasses": "yes"}, n=1, seed=5, temperature=0.9)
    assert np.array_equal(pixels(again)[0], pixels(faces)[1])
    both = loved.generate(["a man", "glasses"], n=2)
    assert [f.info["prompt"] for f in both] == ["a man", "a man", "glasses", "glasses"]


def test_a_drawn_face_is_read_whole_and_a_photograph_is_cropped(loved, face, tmp_path):
    images.save_png(tmp_path / "face.png", face, face.info)
    for picture in (face, tmp_path / "face.png", str(tmp_path / "face.png")):
        assert np.array_equal(loved.images(picture)[0], np.asarray(face))
    assert not np.array_equal(loved.images(np.asarray(face))[0], np.asarray(face))  # the crop is 0.9


def test_one_weight_for_all_words_is_plain_guidance(loved):
    asked = loved.prompt("a man", {"age": 30})
    (request,) = loved.requests([asked], [1], Sampler(guidance=3.0))
    assert request.weights == (3.0, -2.0)
    plain = decoding.guided([(request.prefixes[0], 3.0)], request.prefixes[1])
    assert plain == (request.prefixes, request.weights)
    (unguided,) = loved.requests([asked], [1])
    assert len(unguided.prefixes) == 1 and unguided.weights == (1.0,)


def test_every_clause_counts_by_its_weight(loved):
    asked = loved.prompt("a man", {"age": 30, "glasses": ("yes", 2)}, {"gender": "female"})
    assert asked.weighted(1.5) == [("a man age : 30", 1.5), ("glasses", 2.0), ("gender : female", -1.5)]
    (request,) = loved.requests([asked], [1], Sampler(guidance=1.5))
    assert request.weights == (1.5, 2.0, -1.5, -1.0) and sum(request.weights) == 1
    assert str(asked) == "a man age : 30 + 2 * (glasses) - guidance * (gender : female)"
    faces = loved.generate("a man", {"glasses": ("yes", 2)}, n=2, avoid={"gender": ("female", 0.5)})
    assert faces[0].info["prompt"] == "a man + 2 * (glasses) - 0.5 * (gender : female)"


def test_a_number_beside_other_requests_is_also_a_clause(loved):
    twice = Sampler(guidance=3.0, number_guidance=4.0)
    asked = loved.prompt("a man", {"age": 30})
    (request,) = loved.requests([asked], [1], twice)
    (alone,) = loved.requests([loved.prompt("", {"age": 30})], [1])
    assert request.weights == (3.0, 4.0, -6.0) and request.prefixes[1] == alone.prefixes[0]
    for text, attributes, sampler, weights in (
        ("", {"age": 30, "glasses": "yes"}, twice, (3.0, 4.0, -6.0)),
        ("", {"age": 30}, twice, (3.0, -2.0)),  # nothing but a number
        ("a man of 30", {"glasses": "yes"}, twice, (3.0, -2.0)),  # none among the attributes
        ("a man", {"age": (30, 2.0)}, twice, (3.0, 2.0, -4.0)),  # it is a clause already
        ("a man", {"age": 30}, Sampler(number_guidance=4.0), (1.0,)),  # guidance 1 is off
    ):
        (request,) = loved.requests([loved.prompt(text, attributes)], [1], sampler)
        assert request.weights == weights, (text, attributes)
    made, plain = (loved.generate("a man", {"age": 30}, sampler=s)[0] for s in (twice, Sampler(guidance=3.0)))
    assert made.info["prompt"] == plain.info["prompt"] == "a man age : 30"
    assert made.info["options"]["number_guidance"] == 4 and "number_guidance" not in plain.info["options"]
    by_hand = dataclasses.replace(asked, clauses=loved.prompt("", {"age": (30, 4.0)}).clauses)
    codes = loved.generate_codes([by_hand], [0], Sampler(guidance=3.0))
    assert np.array_equal(loved.decode(codes)[0], np.asarray(made))


def test_avoiding_makes_a_face_less_likely(loved):
    """One step of the compositional rule by hand: with the weight -1 the avoided words' codes lose what they gained."""
    greedy = Sampler(temperature=0.0)
    words = loved.prompt("", {"gender": "male"})
    avoiding = loved.prompt("", None, {"gender": ("male", 1)})
    codes = loved.generate_codes([words, avoiding], [0, 0], greedy)
    scores = [loved.image_scores(codes, [t, t]) for t in (words.sentence, "")]
    gained = scores[0] - scores[1]
    assert gained[0] > gained[1]


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_a_completed_face_keeps_its_upper_rows(loved, face, share):
    codes = loved.encode(np.asarray(face)[None])[0]
    prompt = loved.prompt()
    given = np.where(np.arange(16) < share * 16, codes, -1)
    made = loved.generate_codes([prompt] * 2, [1, 2], imposed=[given] * 2)
    assert (made[:, : int(share * 16)] == codes[: int(share * 16)]).all() and (made[0] != made[1]).any()
    faces = loved.complete(face, share, n=2, seed=1)
    assert np.array_equal(pixels(faces), loved.decode(made))
    assert faces[0].info["options"]["completed_share"] == share


def test_a_face_of_several_scales_keeps_the_upper_rows_of_each(face):
    model = small_model.make(0.1, dataclasses.replace(small_model.IMAGE, scales=(2, 4)))
    codes = model.encode(np.asarray(face)[None])[0]
    assert codes.shape == (20,)
    upper = [0, 1, *range(4, 12)]  # a row of two, then two of four
    given = np.where(np.isin(np.arange(20), upper), codes, -1)
    made = model.generate_codes([model.prompt()] * 2, [1, 2], imposed=[given] * 2)
    assert np.array_equal(pixels(model.complete(face, 0.5, n=2, seed=1)), model.decode(made))
    assert (made[:, upper] == codes[upper]).all() and (made[0] != made[1]).any()
    with pytest.raises(UserError, match=r"share=0\.2 of 2 rows of codes"):
        model.complete(face, 0.2)


def test_a_variation_keeps_a_share_of_the_codes(loved, face):
    codes = loved.encode(np.asarray(face)[None])[0]
    seen = []
    loved.generate_codes, plain = lambda *a, **k: seen.append(plain(*a, **k)) or seen[-1], loved.generate_codes
    try:
        faces = loved.vary(face, 0.75, "glasses", n=4, seed=2)
    finally:
        del loved.generate_codes
    assert len(faces) == 4 and ((seen[0] == codes).sum(1) >= 12).all()
    assert len({f.tobytes() for f in faces}) > 1


def test_reranking_keeps_what_the_scores_say(loved):
    every = loved.generate("a man", {"age": 30}, n=6, keep=6)
    alone = loved.generate("a man", {"age": 30}, n=6)
    best = loved.generate("a man", {"age": 30}, n=6, keep=2)
    scores = [f.info["score"] for f in every]
    assert scores == sorted(scores, reverse=True) and [f.info["score"] for f in best] == pytest.approx(scores[:2])
    assert {f.info["seed"] for f in every} == set(range(6)) and "score" not in alone[0].info
    assert np.array_equal(pixels(best)[0], pixels(alone)[best[0].info["seed"]])
    codes = loved.generate_codes([loved.prompt("a man", {"age": 30})], [best[0].info["seed"]])
    (p,) = loved.probabilities(codes, ["age", "gender"])
    male = loved.attribute("gender").values.index("male")
    exact = np.log(p["age"][29]) + np.log(p["gender"][male]) + loved.caption_scores(codes, ["a man"])[0]
    assert best[0].info["score"] == pytest.approx(exact, abs=1e-4)


def test_records_are_plain(loved, face):
    one, two = loved.analyze([face, np.asarray(face)])
    assert list(one) == ["gender", "glasses", "age"]
    gender, age = one["gender"], two["age"]
    assert gender["value"] == max(gender["probabilities"], key=gender["probabilities"].get)
    assert gender["probability"] == gender["probabilities"][gender["value"]]
    assert sum(age["probabilities"].values()) == pytest.approx(1) and next(iter(age["probabilities"])) == 1
    assert age["value"] == age["median"] and age["interval_90"][0] <= age["median"] <= age["interval_90"][1]
    assert all(type(v) in (int, float, list, dict) for v in age.values())


def test_captions_that_fill_the_last_position_are_scored(face):
    model = small_model.make()
    codes = model.encode(np.asarray(face)[None])
    (prefix,) = model._image_prefixes(codes, templates.CAPTION_PROMPT)
    room = model.engine.most_ids - len(prefix)
    (captions,) = model.captions(face, n=4, length=int(room))
    longest = max(len(sequence.answer(model.vocab, model.tokenizer, c.text)) for c in captions)
    assert longest > room and all(-np.inf < c.log_probability < 0 for c in captions)


def test_scores_are_log_probabilities(loved, face):
    (told,) = loved.score(face, "a man", {"gender": "male", "age": 30})
    record = loved.analyze(face)[0]
    assert told["attributes"]["gender"] == pytest.approx(np.log(record["gender"]["probabilities"]["male"]))
    assert told["total"] == pytest.approx(told["text"] + sum(told["attributes"].values()))
    assert told["text"] < 0 and told["image"] < 0 and "text" not in loved.score(face, "", {"age": 3})[0]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda m, f: m.generate(), "the prompt is empty"),
        (lambda m, f: m.generate("a", n=2, keep=3), "keep=3 must be a whole number from 1 to 2"),
        (lambda m, f: m.generate("a", temprature=1.0), "unknown option 'temprature'"),
        (lambda m, f: m.generate("a", {"glases": "yes"}), "the nearest is 'glasses'"),
        (lambda m, f: m.generate("a", {"glasses": ("yes", -1)}), "weight=-1 must be a number above 0"),
        (lambda m, f: m.generate("a", {"age": 30}, avoid={"age": 30}), "both in what is asked for"),
        (lambda m, f: m.generate("a \udcff"), "invalid character at position 2"),
        (lambda m, f: m.generate("a man " * 50, n=2, keep=1, progress=print), "exceeds the model's 96 positions"),
        (lambda m, f: m.generate("\u6f22", n=2, keep=1), "characters that this model does not know"),
        (lambda m, f: m.generate("a", batch_size=0), "batch_size=0 must be a whole number from 1 on"),
        (lambda m, f: m.caption(f, length=0), "length=0 must be a whole number from 1 on"),
        (lambda m, f: m.complete(f, 0.01), "must keep at least one"),
        (lambda m, f: m.vary(f, 1.0), "share=1.0 must be a number above 0 and below 1"),
        (lambda m, f: m.vary(f, seed=-1), "seed=-1 must be a whole number from 0 to 4294967295"),
        (lambda m, f: m.vary(f, n=2, keep=1), "keep: without a text"),
        (lambda m, f: m.complete([f, f]), "one face at a time"),
        (lambda m, f: m.score(f), "nothing to score"),
        (lambda m, f: m.caption("nowhere.png"), "no such image file"),
    ],
)
def test_what_is_refused(loved, face, call, told):
    with pytest.raises(UserError, match=told):
        call(loved, face)


def test_a_model_without_prompt_dropout_refuses_weights():
    bare = small_model.make()
    for options in ({"guidance": 2.0}, {"attributes": {"glasses": ("yes", 2)}}, {"avoid": {"glasses": "yes"}}):
        with pytest.raises(UserError, match="prompt_dropout"):
            bare.generate("a man", **options)


def test_weights_are_read_from_words():
    schema = small_model.SCHEMA
    assert prompts.parse(["glasses=yes:2", "age=30"], schema) == {"glasses": ("yes", 2.0), "age": 30}
    for pair in ("glasses=yes:x", "glasses=yes:0", "glasses=yes:nan"):
        with pytest.raises(UserError, match="number above 0"):
            prompts.parse([pair], schema)
    with pytest.raises(UserError, match="given twice"):
        prompts.parse(["age=3", "age=4:2"], schema)


def test_what_is_public_is_documented():
    assert t2f_jax.Model is model.Model and t2f_jax.load is model.load
    for name, method in inspect.getmembers(model.Model, inspect.isfunction):
        assert name.startswith("_") or method.__doc__, name
    assert isinstance(Image.new("RGB", (1, 1)), Image.Image)


def test_a_model_is_pickled_and_copied(loved, face):
    for other in (pickle.loads(pickle.dumps(loved)), copy.deepcopy(loved)):
        assert other.caption(face) == loved.caption(face) and other.hash == loved.hash


@pytest.mark.parametrize("attention", ["splash", "cudnn"])
def test_a_kernel_that_training_named_is_not_needed(loved, attention):
    run = dataclasses.replace(loved.bundle.run_config.model, attention=attention)
    run = dataclasses.replace(loved.bundle.run_config, model=run)
    other = model.Model(dataclasses.replace(loved.bundle, run_config=run))
    for face, same in zip(other.generate("a man", n=2, keep=1), loved.generate("a man", n=2, keep=1)):
        assert np.array_equal(np.asarray(face), np.asarray(same)) and face.info["score"] == same.info["score"]


def test_settings_of_jax_change_nothing(loved, face):
    before = pixels(loved.generate("a man", n=2)), loved.caption(face), loved.analyze(face), loved.score(face, "a man")
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        fresh = pickle.loads(pickle.dumps(loved))
        after = (
            pixels(fresh.generate("a man", n=2)),
            fresh.caption(face),
            fresh.analyze(face),
            fresh.score(face, "a man"),
        )
    assert np.array_equal(before[0], after[0]) and before[1:] == after[1:]


def test_a_text_is_one_name(loved, face):
    assert loved.analyze(face, "age") == loved.analyze(face, ["age"])


def use(model, results):
    try:
        results.send(model.generate("a man"))
    except RuntimeError as error:
        results.send(str(error))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
def test_a_forked_process_is_told_at_once(loved, face):
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=use, args=(loved, theirs))
    process.start()
    assert ours.poll(30) and "forked after a model was loaded" in ours.recv()
    process.join()
