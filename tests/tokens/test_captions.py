import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from t2f_jax.data.datasets import celeba, utkface
from t2f_jax.data.datasets.synthetic import labels as synthetic
from t2f_jax.tokens import captions, facts, phrases, ranges
from t2f_jax.tokens.captions import write_caption

SCHEMAS = {"synthetic": synthetic.SCHEMA, "celeba": celeba.SCHEMA, "utkface": utkface.SCHEMA}

# A word that speaks of an attribute, whichever value it has.
SPEAKS_OF = {
    "glasses": "glasses",
    "eyeglasses": "glasses",
    "hat": "hat",
    "wearing hat": "hat",
    "earrings": "earrings",
    "wearing earrings": "earrings",
    "scarf": "scarf",
    "bangs": "bangs",
    "beard": "beard(?:ed)?",
    "smile": "smil(?:e|ing)",
    "smiling": "smil(?:e|ing)",
    "mustache": "mustache",
    "sideburns": "sideburns",
    "goatee": "goatee",
    "bald": "bald",
    "wearing lipstick": "lipstick",
    "wearing necklace": "necklace",
    "wearing necktie": "(?:neck)?tie",
    "heavy makeup": "makeup",
    "skin tone": "(?:light|medium|dark) skin",
    "background": "background",
    "clothing color": "clothes|dressed",
    "face shape": "(?:round|long) face",
    "attractive": "attractive|good-looking",
    "blurry": "blurry",
}
DENIED = r"(?:no|without|without an?|or|or an?|not|not wearing|not wearing an?|not wearing heavy)"
GENDERED = {"male": {"man", "boy", "he", "his"}, "female": {"woman", "girl", "she", "her"}}
AGED = r"\b(baby|boy|girl|child|little|young|teenage|middle-aged|elderly|old|older|aged|teens|\w+ties)\b|year"


@st.composite
def faces(draw, full=False):
    """Labels as some source might give them: a part of one schema, every value possible."""
    schema = SCHEMAS[draw(st.sampled_from(sorted(SCHEMAS)))]
    labels = {}
    for attribute in schema:
        if full or draw(st.booleans()):
            text = draw(st.sampled_from(attribute.candidates()))
            labels[attribute.name] = int(text) if attribute.is_number else text
    return labels


seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=300, deadline=None)
@given(faces(), seeds)
def test_a_caption_is_deterministic_and_well_formed(labels, seed):
    caption = write_caption(labels, np.random.default_rng(seed))
    assert caption == write_caption(dict(labels), np.random.default_rng(seed))
    assert re.fullmatch(r"[A-Z][^.]*\.( [A-Z][^.]*\.){0,3}", caption), caption
    assert len(caption.split()) <= captions.MAX_WORDS
    assert not re.search(r"  | [,.]|,,|[{}_]|\band and\b|\bno no\b|\bno an? |\bwithout no\b", caption), caption
    assert not re.search(r"\b[Aa] (?:[aeioAEIO]|8|11-|18-)|\b[Aa]n [^aeioAEIO18]|\ban 1[^18]", caption), caption


@settings(max_examples=300, deadline=None)
@given(faces(), seeds)
def test_a_caption_says_only_what_is_known_and_true(labels, seed):
    caption = write_caption(labels, np.random.default_rng(seed), share=1.0)
    for name, word in SPEAKS_OF.items():
        said = re.findall(rf"(?:(\b{DENIED}) )?\b({word})\b", caption)
        known = [labels[n] for n in SPEAKS_OF if SPEAKS_OF[n] == word and n in labels]
        if name == "beard":  # "no beard: yes" denies it
            known += [{"no": "yes", "yes": "no"}[labels["no beard"]]] if "no beard" in labels else []
        for denial, _ in said:
            assert known and (denial != "") == (known[0] == "no"), (caption, name, labels)
    words = set(re.findall(r"[a-z]+", caption.lower()))
    for gender, own in GENDERED.items():
        assert not words & own or labels.get("gender") == gender, (caption, labels)
    if "age" not in labels and "young" not in labels:
        assert not re.search(AGED, caption), (caption, labels)
    if {"clean", "shaven"} <= words:
        assert labels.get("gender") == "male" and "yes" not in (labels.get("goatee"), labels.get("mustache"))
    for hair in re.findall(r"(\w+) hair\b", caption):
        assert (
            hair.removesuffix("e") in {str(v) for v in labels.values()}
            or any(n.split() == [hair.replace("blonde", "blond"), "hair"] and v == "yes" for n, v in labels.items())
            or hair == "facial"
        ), (caption, labels)


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 116), st.sampled_from(["male", "female", ""]), seeds)
def test_an_age_is_said_truly(age, gender, seed):
    labels = {"age": age, **({"gender": gender} if gender else {})}
    caption = write_caption(labels, np.random.default_rng(seed), share=1.0)
    assert all(int(n) == age for n in re.findall(r"\d+", caption)), caption
    for decade, word in enumerate(phrases.DECADES, 2):
        assert word not in caption or age // 10 == decade
    children = {
        "baby": (0, 2),
        "boy": (0, 17),
        "girl": (0, 17),
        "child": (3, 12),
        "teenage": (13, 17),
        "teens": (13, 19),
    }
    adults = {"young": (3, 35), "middle-aged": (45, 64), "elderly": (65, 200), "man": (18, 200), "woman": (18, 200)}
    for word, (low, high) in (children | adults).items():
        assert low <= age <= high or not re.search(rf"\b{word}\b", caption), caption


RANGED = st.one_of(
    st.sampled_from(["0-2", "3-9", "4-19", "15-19", "20-29", "60-69", "70+"]),
    st.builds(lambda low, width: f"{low}-{low + width}", st.integers(0, 90), st.integers(1, 30)),
)


@settings(max_examples=300, deadline=None)
@given(RANGED, st.sampled_from(["male", "female", ""]), seeds)
def test_of_a_range_of_ages_no_more_is_said_than_is_known(label, gender, seed):
    ages = ranges.numbers(label)
    labels = {"age": label, **({"gender": gender} if gender else {})}
    caption = write_caption(labels, np.random.default_rng(seed), share=1.0)
    said = [int(n) for n in re.findall(r"\d+", caption)]
    assert said in ([], [ages[0]], [ages[0], ages[-1]]) and (len(said) != 1 or "or more" in caption), caption
    for fact in facts.read_facts(caption, ["age"]):
        assert fact.value[0] <= ages[0] and ages[-1] <= fact.value[-1], (caption, fact)
    nouns = {"baby": (0, 2), "child": (0, 12), "boy": (0, 17), "girl": (0, 17), "man": (18, 999), "woman": (18, 999)}
    nouns["person"] = (0, 999)
    open_ = [nouns[word] for word in re.findall(r"[a-z]+", caption.lower()) if word in nouns]
    assert all(any(low <= age <= high for low, high in open_) for age in ages), caption
    assert all(low <= ages[-1] and ages[0] <= high for low, high in open_), caption


def test_ranges_of_ages_by_hand():
    def written(age, gender="male"):
        return {write_caption({"age": age, "gender": gender}, np.random.default_rng(s), 1.0) for s in range(80)}

    assert {"A man in his twenties.", "A man aged 20 to 29.", "A young man."} <= written("20-29")
    assert {"An elderly woman.", "A woman aged 70 or more."} <= written("70+", "female")
    assert "A boy or man aged 10 to 19." in written("10-19") and "A boy aged 2 to 9." in written("2-9")
    assert "A baby girl aged 0 to 2." in written("0-2", "female")


@settings(max_examples=30, deadline=None)
@given(faces(full=True))
def test_one_face_has_many_captions(labels):
    if "ethnicity" in labels and labels["ethnicity"] == "other":
        return
    written = {write_caption(labels, np.random.default_rng(seed)) for seed in range(50)}
    assert len(written) >= (12 if "ethnicity" in labels else 30)  # three facts can be put in fewer ways


def test_share_sets_how_much_is_said():
    labels = {a.name: a.candidates()[-1] for a in synthetic.SCHEMA} | {"age": 30, "gender": "male"}
    little, much = (
        np.mean([len(write_caption(labels, np.random.default_rng(s), share).split()) for s in range(50)])
        for share in (0.1, 0.8)
    )
    assert little < 0.6 * much
    with pytest.raises(ValueError, match="share"):
        write_caption(labels, np.random.default_rng(0), 1.5)


def test_nothing_known_still_gives_a_sentence():
    for labels in ({}, {"unheard of": "yes"}, {"gender": "other"}):
        assert write_caption(labels, np.random.default_rng(0)).lower().endswith("a person.")


def test_real_labels_give_readable_captions(real_data):
    lines = (real_data / "CelebA" / "list_attr_celeba.txt").read_text().splitlines()
    names = [name.lower().replace("_", " ") for name in lines[1].split()]
    for k, line in enumerate(lines[2:300]):
        labels = {n: "yes" if v == "1" else "no" for n, v in zip(names, line.split()[1:])}
        labels["gender"] = "male" if labels.pop("male") == "yes" else "female"
        caption = write_caption(labels, np.random.default_rng(k))
        assert 2 <= len(caption.split()) <= captions.MAX_WORDS
        assert not re.search(
            r"\b(he|his|man)\b" if labels["gender"] == "female" else r"\b(she|her|woman)\b", caption.lower()
        )
