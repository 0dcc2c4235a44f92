import pytest

from t2f_jax.evaluation.metrics import extra
from t2f_jax.evaluation.metrics.ptb import ptb_tokens

# As Stanford's PTBTokenizer 3.4.1 with COCO's list of punctuation.
COCO = {
    "She has black, wavy hair and isn't wearing make-up (no lipstick).": (
        "she has black wavy hair and is n't wearing make-up -lrb- no lipstick -rrb-"
    ),
    "He has a 5 o'clock shadow, a double chin.": "he has a 5 o'clock shadow a double chin",
    "A middle-aged woman in her mid-40s, she doesn't smile.": "a middle-aged woman in her mid-40s she does n't smile",
    "A man w/ glasses and a U.S. army hat.": "a man w / glasses and a u.s. army hat",
    "Dr. Smith's face is oval-shaped.": "dr. smith 's face is oval-shaped",
    "The person can't be older than 30.He smiles.": "the person ca n't be older than 30 he smiles",
    "He smiles.She has a hat.": "he smiles.she has a hat",
    "A 25-year-old woman with a #brown scarf.": "a 25-year-old woman with a #brown scarf",
    "It's a man. He'll be about 1.80 m tall, 100% bald.": "it 's a man he 'll be about 1.80 m tall 100 % bald",
    "A woman with an open mouth — she laughs.": "a woman with an open mouth she laughs",
    "This guy cannot be shaven!!!": "this guy can not be shaven !!!",
    "He's clean-shaven, i.e. no beard, etc.": "he 's clean-shaven i.e. no beard etc.",
    "She’s wearing “big” earrings; \"wavy\" hair, 'pale' skin.": "she 's wearing big earrings wavy hair pale skin",
    "The girls' hair is blond; the woman is in her 30's.": "the girls hair is blond the woman is in her 30 's",
    "He is aged 30–39, w/o make-up… and [bald]": "he is aged 30 39 w/o make-up and -lsb- bald -rsb-",
    "": "",
}


@pytest.mark.parametrize("caption", COCO)
def test_tokens_are_coco_s(caption):
    assert " ".join(ptb_tokens(caption)) == COCO[caption]


def test_brackets_can_be_dropped():
    assert ptb_tokens("A [bald] man (young).", "dropped") == ["a", "bald", "man", "young"]


def test_a_missing_package_is_named():
    told = r"package nltk is missing.*pip install 't2f_jax\[eval\]'"
    with pytest.raises(extra.MissingPackage, match=told), extra.needed("nltk"):
        raise ImportError("No module named 'nltk'")
