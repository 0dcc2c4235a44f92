"""What a caption says is read back from it."""

import numpy as np
import pytest

from t2f_jax.data.datasets import registry
from t2f_jax.tokens import facts
from t2f_jax.tokens.captions import write_caption
from t2f_jax.tokens.facts import Comparison, Fact

CELEBA = {
    "gender": "male",
    "big nose": "yes",
    "black hair": "yes",
    "wavy hair": "no",
    "eyeglasses": "no",
    "young": "no",
}
CELEBA |= {"wearing hat": "no", "no beard": "yes", "mouth slightly open": "yes"}


@pytest.mark.parametrize(
    ("caption", "said"),
    [
        ("A man with a large nose, black hair and no glasses or hat.",
         "gender=male big nose=yes black hair=yes eyeglasses=no wearing hat=no"),
        ("An older man without a beard or glasses, smiling.", "young=no gender=male no beard=yes eyeglasses=no"),
        ("He is no longer young. He has his mouth slightly open.", "gender=male young=no mouth slightly open=yes"),
        ("She is clean-shaven and is not wearing a hat.", "gender=female no beard=yes wearing hat=no"),
        ("The person has wavy black hair.", "wavy hair=yes black hair=yes"),
        ("The men's room has a nosebleed.", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_facts_by_hand(caption, said):
    found = sorted(f"{f.name}={f.value}" for f in facts.read_facts(caption, CELEBA))
    wanted = (
        sorted(said.replace("=yes ", "=yes|").replace("=no ", "=no|").replace("male ", "male|").split("|"))
        if said
        else []
    )
    assert found == wanted


@pytest.mark.parametrize(
    ("caption", "low", "high"),
    [
        ("A 34-year-old woman.", 34, 34),
        ("A woman aged 34.", 34, 34),
        ("She is 1 year old.", 1, 1),
        ("A man in his thirties.", 30, 39),
        ("A girl in her teens.", 13, 19),
        ("A middle-aged man.", 45, 64),
        ("A young woman.", 3, 35),
        ("An elderly man.", 65, 999),
        ("A boy or man aged 4 to 19.", 4, 19),
        ("She is between 3 and 9 years old.", 3, 9),
        ("A woman aged 70 or more.", 70, 999),
        ("He is 70 years old or more.", 70, 999),
    ],
)
def test_ages_are_ranges(caption, low, high):
    (fact,) = [f for f in facts.read_facts(caption, {"age"})]
    assert fact == Fact("age", range(low, high + 1))
    assert facts.read_facts(caption, {"glasses"}) == []


def test_a_range_of_ages_confirms_what_it_leaves_open():
    labels = {"age": "20-29"}
    assert facts.compare("A man in his twenties.", labels) == Comparison(1, 0, 1, 0, False)
    assert facts.compare("A 25-year-old man.", labels) == Comparison(1, 0, 1, 0, False)
    assert facts.compare("A man aged 30 to 39.", labels) == Comparison(0, 1, 0, 1, False)


def test_a_comparison_counts_right_wrong_missing_and_repeats():
    labels = {"gender": "female", "big nose": "yes", "smiling": "no", "eyeglasses": "no", "wearing lipstick": "yes"}
    assert facts.compare("A woman with a big nose.", labels) == Comparison(2, 0, 2, 1, False)
    assert facts.compare("A smiling woman with a big nose and a large nose.", labels) == Comparison(3, 1, 2, 1, True)
    assert facts.compare("A bald man without glasses.", labels) == Comparison(1, 1, 0, 3, False)  # bald: not known
    assert facts.compare("She is a woman. She wears lipstick.", labels) == Comparison(2, 0, 2, 1, False)


@pytest.mark.parametrize("kind", ["celeba", "utkface", "synthetic"])
def test_captions_say_nothing_but_their_labels_and_nothing_twice(kind):
    """Of 300 faces with labels drawn at random."""
    rng = np.random.default_rng(0)
    schema, told = registry.find(kind).schema, 0
    for _ in range(300):
        labels = {
            a.name: int(rng.integers(a.low, a.high + 1)) if a.is_number else str(rng.choice(a.values)) for a in schema
        }
        caption = write_caption(labels, rng)
        result = facts.compare(caption, labels)
        assert result.wrong == 0 and not result.repeats, (caption, facts.read_facts(caption, labels))
        told += result.right
    assert told > 300 * (2 if kind == "utkface" else 4)


@pytest.mark.parametrize(
    ("caption", "labels", "denied"),
    [
        ("A man with black hair. He wears no hat or glasses.", {"gender": "female"}, ["man", "He"]),
        ("A man with black hair and no glasses or hat.", {"gender": "male", "wearing hat": "yes"}, ["hat"]),
        ("The person has wavy black hair.", {"wavy hair": "yes", "black hair": "no"}, ["black"]),
        ("A 34-year-old woman in her thirties.", {"age": 35}, ["34-year-old"]),
        ("An older man.", {"young": "yes", "gender": "male"}, ["older"]),
        ("A man with a hat.", {}, []),
        ("İn a hat.", {"wearing hat": "no"}, []),  # its small letters are more than its letters
    ],
)
def test_what_labels_deny_has_its_place(caption, labels, denied):
    assert [caption[start:end] for start, end in facts.contradictions(caption, labels)] == denied
