import contextlib
import os
import pathlib

import damage
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from t2f_jax.data.datasets import celeba
from t2f_jax.data.datasets.synthetic import labels
from t2f_jax.errors import UserError
from t2f_jax.tokens import text_tokenizer
from t2f_jax.tokens.captions import write_caption
from t2f_jax.tokens.templates import ATTRIBUTE_PROMPT, CAPTION_PROMPT, IMAGE_PROMPT, attributes_text

PROMPTS = [IMAGE_PROMPT, CAPTION_PROMPT, ATTRIBUTE_PROMPT]
PIECES = [
    "[PAD]",
    "a",
    "man",
    "##ly",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "gender",
    ":",
    "34",
    "-",
    "year",
    "old",
    "cafe",
    ",",
    ".",
]


@pytest.fixture(scope="module")
def sentences():
    faces = [labels.labels(0, i) for i in range(500)]
    written = [write_caption(face, np.random.default_rng(i)) for i, face in enumerate(faces)]
    return PROMPTS + written + [attributes_text(face) for face in faces] + [attributes_text({"smiling": "yes"})]


@pytest.fixture(scope="module")
def words(sentences):
    return text_tokenizer.train_sentencepiece(sentences, 500)


@pytest.fixture
def word_piece():
    return text_tokenizer.WordPiece("\n".join(PIECES).encode() + b"\n")


def test_sentencepiece_special_ids_and_size(words):
    assert (words.pad, words.unk, words.cls, words.sep) == (0, 1, 2, 3)
    assert 100 < words.size <= 500
    vocab = text_tokenizer.vocab(words, 64)
    assert (vocab.size, vocab.pad, vocab.sep) == (words.size + 64, 0, 3)


def test_phrases_are_one_piece_each_and_change_no_text(sentences):
    words = text_tokenizer.train_sentencepiece(sentences, 500, phrases=["not hat", "hair color : red", "hat"])
    assert [len(words.encode(text)) for text in ("not hat", "hair color : red", "hat", "Not  Hat")] == [1, 1, 1, 1]
    assert len(words.encode("hair color : red , not hat")) == 3
    for sentence in sentences[::50]:
        assert words.decode(words.encode(sentence)) == sentence.lower()


def test_sentencepiece_reads_back_what_it_wrote(words, sentences):
    for sentence in sentences:
        ids = words.encode(sentence)
        assert words.unk not in ids and words.decode(ids) == sentence.lower()
    framed = [words.cls, *words.encode("34"), words.sep, words.pad]
    assert words.decode(np.asarray(framed, np.int32)) == "34"


def test_sentencepiece_has_whole_words_and_single_digits(words):
    assert len(words.encode("gender : male")) == 3
    assert len(words.encode("hair color : red")) == 4
    assert len(words.encode("to image")) == 2
    assert len(words.encode("34")) == len(words.encode("67")) == 3  # the word's start, two digits


def test_sentencepiece_is_deterministic_and_folds_case_and_width(words, sentences):
    assert text_tokenizer.train_sentencepiece(iter(sentences), 500).model == words.model
    assert words.encode("A MAN") == words.encode("a man") == words.encode("ａ  man ")


@pytest.mark.parametrize("special", ["[SEP]", "[CLS] a man [PAD]"])
def test_no_text_gives_a_special_id(words, word_piece, special):
    for tokenizer in (words, word_piece):
        assert not {tokenizer.pad, tokenizer.cls, tokenizer.sep} & set(tokenizer.encode(special))


def test_encode_gives_a_list_of_its_own(words):
    words.encode("a man").clear()
    assert words.decode(words.encode("a man")) == "a man"


def test_a_large_vocabulary_falls_back_to_bytes(sentences):
    large = text_tokenizer.train_sentencepiece(sentences, 2000)
    assert large.unk not in large.encode("é ß 日本") and large.decode(large.encode("日本")) == "日本"
    assert large.size <= 2000


def test_celeba_words_fit_a_small_vocabulary():
    rng = np.random.default_rng(0)
    faces = [{a.name: a.candidates()[rng.integers(2)] for a in celeba.SCHEMA} for _ in range(800)]
    captions = [write_caption(face, rng) for face in faces]
    tokenizer = text_tokenizer.train_sentencepiece(captions + [attributes_text(face) for face in faces], 1000)
    lengths = [len(tokenizer.encode(caption)) / len(caption.split()) for caption in captions]
    assert np.mean(lengths) < 1.4  # punctuation included


def test_word_piece_small_vocabulary(word_piece):
    assert (word_piece.pad, word_piece.unk, word_piece.cls, word_piece.sep, word_piece.size) == (
        0,
        4,
        5,
        6,
        len(PIECES),
    )
    assert word_piece.encode("Gender: MANLY Café zebra") == [7, 8, 2, 3, 13, 4]
    assert word_piece.decode([5, 1, 9, 10, 11, 10, 12, 2, 3, 14, 1, 2, 15, 6, 0]) == "a 34-year-old manly, a man."


def test_word_piece_has_the_originals_ids():
    shared = pathlib.Path(os.environ.get("T2F_SHARED") or pathlib.Path(__file__).parents[3] / "shared")
    file = shared / "fixtures" / "google_uncased_en_vocab.txt"
    if not file.is_file():
        pytest.skip(f"{file} is absent; set T2F_SHARED to the folder that holds fixtures/google_uncased_en_vocab.txt")
    bert = text_tokenizer.WordPiece.load(file)
    assert (bert.size, bert.pad, bert.unk, bert.cls, bert.sep) == (30522, 0, 100, 101, 102)
    assert [bert.cls, *bert.encode("to image"), bert.sep] == [101, 2000, 3746, 102]
    assert bert.encode("to caption") == [2000, 14408, 3258] and bert.decode([2000, 14408, 3258]) == "to caption"
    assert bert.encode("to attributes") == [2000, 12332]
    assert bert.encode("gender :") == bert.encode("Gender:") == [5907, 1024]
    assert bert.encode("x" * 201) == [100]


def test_save_and_load(tmp_path, words, word_piece):
    for name, tokenizer in (("a", words), ("b", word_piece)):
        folder = tmp_path / name
        folder.mkdir()
        tokenizer.save(folder)
        again = text_tokenizer.load(folder)
        assert type(again) is type(tokenizer) and again.size == tokenizer.size
        assert again.encode("a man, 34 : gender") == tokenizer.encode("a man, 34 : gender")
    assert sorted(p.name for p in tmp_path.glob("*/*")) == ["text_tokenizer.model", "vocab.txt"]


def test_user_errors(tmp_path, words):
    with pytest.raises(UserError, match=r"no text tokenizer; a text_tokenizer\.model or a vocab\.txt"):
        text_tokenizer.load(tmp_path)
    for kind in (text_tokenizer.SentencePiece, text_tokenizer.WordPiece):
        with pytest.raises(UserError, match="absent: no such file"):
            kind.load(tmp_path / "absent")
    (tmp_path / "text_tokenizer.model").write_bytes(words.model[:1000])
    with pytest.raises(UserError, match=r"text_tokenizer\.model: no SentencePiece model"):
        text_tokenizer.load(tmp_path)
    for data, message in [
        (b"[PAD]\n[UNK]\na\n", r"\[CLS\] \[SEP\] missing"),
        (b"a\nb\na\n", "line 3 repeats 'a' of line 1"),
        (b"\xff", "no text"),
        ("\ufeffa\nb".encode("utf-16-le")[:-1], "no text"),
        (b"a\0b", "no text .it holds null bytes"),
    ]:
        with pytest.raises(UserError, match=message):
            text_tokenizer.WordPiece(data)
    for corpus in ([], ["", "  "]):
        with pytest.raises(UserError, match="no sentences to train"):
            text_tokenizer.train_sentencepiece(corpus, 100)
    with pytest.raises(UserError, match=r"5 pieces .* higher") as error:
        text_tokenizer.train_sentencepiece(["gender : male"], 5)
    assert "\n" not in str(error.value)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_bytes_are_a_word_piece_vocabulary_or_are_refused(data):
    whole = "\n".join(PIECES).encode() + b"\n"
    with contextlib.suppress(UserError):
        made = text_tokenizer.WordPiece(data.draw(damage.any_file(whole)))
        made.decode(made.encode("a man , 34 - year - old"))
        made.decode(range(made.size))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bytes_are_a_sentence_piece_model_or_are_refused(words, data):
    with contextlib.suppress(UserError):
        made = text_tokenizer.SentencePiece(data.draw(damage.any_file(words.model)))
        made.decode(made.encode("a man with a hat"))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", " \n", "\t\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_a_vocabulary_of_any_editor_is_read_and_kept_in_utf8(word_piece, end, encoding, tmp_path):
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    made = text_tokenizer.WordPiece((mark + end.join(PIECES) + end).encode(encoding))
    assert made.size == word_piece.size and made.encode("a man") == word_piece.encode("a man")
    made.save(tmp_path)
    assert text_tokenizer.load(tmp_path).encode("cafe, 34") == word_piece.encode("cafe, 34")
    assert "cafe" in (tmp_path / "vocab.txt").read_text(encoding="utf-8")


def test_what_a_vocabulary_file_is_instead_is_told(tmp_path):
    for data, what in ((b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"), (b"<html>", "a web")):
        for make, name in ((text_tokenizer.WordPiece, "vocab.txt"), (text_tokenizer.SentencePiece, "x.model")):
            (tmp_path / name).write_bytes(data)
            with pytest.raises(UserError, match=f"{name}: .*{what}"):
                make.load(tmp_path / name)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text() | st.text("aman ly34-:\u0301\u3000\t\n\u00a0é王", max_size=30))
def test_words_by_themselves_give_the_ids_of_the_whole_text(word_piece, words, text):
    assert words._has_words
    for tokenizer in (word_piece, words):
        assert tokenizer.encode(text) == list(tokenizer._ids[text])


def test_pieces_of_several_words_are_kept(sentences):
    made = text_tokenizer.train_sentencepiece(sentences, 500, phrases=["not hat"])
    assert not made._has_words and len(made.encode("not hat")) == 1
