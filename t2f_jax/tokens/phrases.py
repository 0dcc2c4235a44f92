"""The phrases for labels: tables by attribute name, shared by all datasets.

A phrase starts with its role:
    adj    before the noun                          "an attractive woman"
    tail   right after the noun                     "a man in his thirties"
    has, wears, lacks                               "with a hat", "wearing a hat", "without a hat"; "She has ...", ...
    is     a state that may follow a comma as well  "A man, smiling.", "He is smiling."
    states a state that needs a sentence            "He is 34 years old."
    place  after the description                    "against a blue background"
    also   a separate sentence                      "The background is blue."
"""

import dataclasses
from collections.abc import Mapping

Phrases = Mapping[str, Mapping[str, tuple[str, ...]]]  # {attribute: {value: phrases for it}}

_GLASSES = {
    "yes": ("has glasses", "wears glasses", "has a pair of glasses"),
    "no": ("lacks glasses", "is not wearing glasses"),
}
_SMILE = {"yes": ("is smiling", "has a smile", "adj smiling"), "no": ("is not smiling", "lacks a smile")}
_HAT = {"yes": ("wears a hat", "has a hat"), "no": ("lacks a hat", "is not wearing a hat")}
_EARRINGS = {"yes": ("wears earrings", "has earrings"), "no": ("lacks earrings", "is not wearing earrings")}
_NO_BEARD = ("lacks a beard", "is clean-shaven")

# The phrases for each label. A value without an entry is never mentioned.
PHRASES: dict[str, dict[str, tuple[str, ...]]] = {
    # the synthetic faces
    "glasses": _GLASSES,
    "beard": {"yes": ("has a beard", "adj bearded"), "no": _NO_BEARD},
    "hat": _HAT,
    "smile": _SMILE,
    "earrings": _EARRINGS,
    "scarf": {"yes": ("wears a scarf", "has a scarf"), "no": ("lacks a scarf", "is not wearing a scarf")},
    "bangs": {"yes": ("has bangs",), "no": ("lacks bangs",)},
    "skin tone": {v: (f"has {v} skin", f"has a {v} skin tone") for v in ("light", "medium", "dark")},
    "background": {
        v: (f"place in front of a {v} background", f"place against a {v} background", f"also The background is {v}.")
        for v in ("blue", "green", "yellow", "gray")
    },
    "clothing color": {v: (f"wears {v} clothes", f"is dressed in {v}") for v in ("red", "white", "black", "purple")},
    "face shape": {v: (f"has a {v} face",) for v in ("round", "long")},
    # UTKFace, FairFace and others; "other" describes nothing visible
    "ethnicity": {
        **{v: (f"adj {v}",) for v in ("white", "black")},
        **{v: (f"adj {v.title()}",) for v in ("asian", "indian", "latino", "middle eastern")},
    },
    # CelebA
    "5 o clock shadow": {"yes": ("has a 5 o'clock shadow", "has light stubble")},
    "arched eyebrows": {"yes": ("has arched eyebrows", "has curved eyebrows")},
    "attractive": {"yes": ("adj attractive", "adj good-looking", "states attractive")},
    "bags under eyes": {"yes": ("has bags under {his} eyes",)},
    "bald": {"yes": ("adj bald", "states bald", "has a bald head")},
    "big lips": {"yes": ("has big lips", "has full lips")},
    "big nose": {"yes": ("has a big nose", "has a large nose")},
    "blurry": {"yes": ("also The photo is blurry.", "also The picture is blurry.")},
    "bushy eyebrows": {"yes": ("has bushy eyebrows", "has thick eyebrows")},
    "chubby": {"yes": ("adj chubby", "has a chubby face")},
    "double chin": {"yes": ("has a double chin",)},
    "eyeglasses": _GLASSES,
    "goatee": {"yes": ("has a goatee",)},
    "heavy makeup": {"yes": ("wears heavy makeup", "wears a lot of makeup"), "no": ("is not wearing heavy makeup",)},
    "high cheekbones": {"yes": ("has high cheekbones",)},
    "mouth slightly open": {
        "yes": ("has {his} mouth slightly open", "has a slightly open mouth"),
        "no": ("has {his} mouth closed", "has a closed mouth"),
    },
    "mustache": {"yes": ("has a mustache",), "no": ("lacks a mustache",)},
    "narrow eyes": {"yes": ("has narrow eyes",)},
    "no beard": {"yes": _NO_BEARD, "no": ("has a beard", "adj bearded", "has facial hair")},
    "oval face": {"yes": ("has an oval face",)},
    "pale skin": {"yes": ("has pale skin",)},
    "pointy nose": {"yes": ("has a pointy nose", "has a pointed nose")},
    "receding hairline": {"yes": ("has a receding hairline",)},
    "rosy cheeks": {"yes": ("has rosy cheeks",)},
    "sideburns": {"yes": ("has sideburns",), "no": ("lacks sideburns",)},
    "smiling": _SMILE,
    "wearing earrings": _EARRINGS,
    "wearing hat": _HAT,
    "wearing lipstick": {"yes": ("wears lipstick", "has lipstick on"), "no": ("is not wearing lipstick",)},
    "wearing necklace": {"yes": ("wears a necklace", "has a necklace"), "no": ("lacks a necklace",)},
    "wearing necktie": {"yes": ("wears a necktie", "wears a tie"), "no": ("is not wearing a tie",)},
    # LFW and MAAD-Face
    "brown eyes": {"yes": ("has brown eyes",)},
    "round face": {"yes": ("has a round face",)},
    "shiny skin": {"yes": ("has shiny skin",)},
    "square face": {"yes": ("has a square face",)},
    "sunglasses": {"yes": ("wears sunglasses", "has sunglasses on"), "no": ("lacks sunglasses",)},
    # RAF-DB and AffectNet; a smile is not the same as happiness
    "expression": {
        "neutral": ("has a neutral expression",),
        **{v: (f"is looking {v}", f"has a {v} expression") for v in ("happy", "sad", "surprised", "disgusted")},
        "afraid": ("is looking afraid", "has a fearful expression"),
        "angry": ("is looking angry", "has an angry expression"),
        "contemptuous": ("is looking contemptuous", "has a contemptuous expression"),
    },
    "young": {"yes": ("adj young", "states young"), "no": ("adj older", "states no longer young")},
}

# Words before "hair", by kind, in their order in a phrase; a phrase has at most one of each kind.
HAIR: tuple[dict[str, dict[str, tuple[str, ...]]], ...] = (
    {"hair length": {"short": ("short",), "long": ("long",)}},
    {"straight hair": {"yes": ("straight",)}, "wavy hair": {"yes": ("wavy",)}, "curly hair": {"yes": ("curly",)}},
    {
        "hair color": {"black": ("black",), "brown": ("brown",), "blond": ("blond", "blonde"), "red": ("red",)},
        "black hair": {"yes": ("black",)},
        "brown hair": {"yes": ("brown",)},
        "blond hair": {"yes": ("blond", "blonde")},
        "gray hair": {"yes": ("gray",)},
    },
)

HAIR_WORDS = {name: words for kind in HAIR for name, words in kind.items()}

# A label's negative value if it is not "no"; "young: no" is as informative as "yes".
NEGATIVE = {"no beard": "yes", "young": ""}

ADJECTIVE_ORDER = ("smiling", "smile", "attractive", "chubby", "age", "young", "bald", "beard", "no beard", "ethnicity")

# What a plain caption states first; the rest follows in the order of the labels.
PLAIN_ORDER = (
    *("age", "young", "ethnicity", "attractive", "chubby", "bald", "hair", "hat", "wearing hat", "glasses"),
    *("eyeglasses", "smile", "smiling", "beard", "no beard", "goatee", "mustache", "5 o clock shadow", "bangs"),
    *("heavy makeup", "wearing lipstick", "wearing earrings", "mouth slightly open", "high cheekbones", "big nose"),
    *("skin tone", "background", "clothing color", "receding hairline", "wearing necktie", "pale skin"),
)

# Facts that make others untrue or absurd; labels of real datasets do contradict each other.
SILENCES: dict[tuple[str, str], tuple[str, ...]] = {
    ("bald", "yes"): ("bangs", "receding hairline", *(name for kind in HAIR for name in kind)),
    ("sunglasses", "yes"): ("eyeglasses",),
    ("goatee", "yes"): ("no beard",),
    ("mustache", "yes"): ("no beard",),
    ("5 o clock shadow", "yes"): ("no beard",),
}

# Negatives that are worth mentioning for one gender only.
NEGATIVES_OF = {
    **dict.fromkeys(("beard", "no beard", "mustache", "sideburns", "wearing necktie"), "male"),
    **dict.fromkeys(("heavy makeup", "wearing lipstick", "wearing necklace"), "female"),
}


@dataclasses.dataclass(frozen=True)
class Stage:
    """A stage of life: ages below `end`, its nouns (male, female, either) and true adjectives."""

    end: int
    nouns: tuple[str, str, str]
    adjectives: tuple[str, ...] = ()


ADULT = ("man", "woman", "person")
STAGES = (
    Stage(3, ("baby boy", "baby girl", "baby"), ("little",)),
    Stage(13, ("boy", "girl", "child"), ("young",)),
    Stage(18, ("boy", "girl", "person"), ("teenage", "young")),
    Stage(36, ADULT, ("young",)),
    Stage(45, ADULT),
    Stage(65, ADULT, ("middle-aged",)),
    Stage(1000, ADULT, ("elderly", "old")),
)
DECADES = ("twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties", "nineties")
