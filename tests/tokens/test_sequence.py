"""Rows: layout, targets, weights, and what does not fit."""

import numpy as np
import pytest

from t2f_jax.tokens import sequence
from t2f_jax.tokens.sequence import Branch, Example, assemble
from t2f_jax.tokens.vocab import Vocab

VOCAB = Vocab(text_size=40, image_size=8)


class Letters:
    """a -> 4, b -> 5, ...; a word is its first letter."""

    def encode(self, text):
        return [4 + (ord(w[0]) - ord("a")) % 26 if w[0].isalpha() else 30 + len(w) for w in text.split()]


TOK = Letters()
CODES = np.array([7, 0, 3, 3])
IMG = (47, 40, 43, 43)


def test_the_docstrings_row():
    example = Example((10, 11, 12), (Branch((13,), (14, 3)), Branch((15,), (16, 3))), sequence.TO_ATTRIBUTES, 1)
    row = {k: v[0].tolist() for k, v in assemble([example], 10).items()}
    assert row["tokens"] == [10, 11, 12, 13, 14, 3, 15, 16, 3, 0]
    assert row["segments"] == [1, 1, 1, 2, 2, 2, 3, 3, 3, 0]
    assert row["positions"] == [0, 1, 2, 3, 4, 5, 3, 4, 5, 0]
    assert row["targets"] == [11, 12, 0, 14, 3, 0, 16, 3, 0, 0]
    assert row["weights"] == [0, 0, 0, 1, 1, 0, 1, 1, 0, 0]
    row = {k: v[0].tolist() for k, v in assemble([example], 10, "all").items()}
    assert row["weights"] == [1, 1, 0, 1, 1, 0, 1, 1, 0, 0]


def test_an_image_row_predicts_its_first_code_from_the_last_prefix_id():
    example = sequence.to_image(VOCAB, TOK, "male smiling", CODES)
    assert tuple(example.prefix) == (2, *TOK.encode("to image"), 3, *TOK.encode("male smiling"), 3)
    assert [(branch.given, tuple(branch.answer)) for branch in example.branches] == [((), IMG)]
    row = assemble([example], 12)
    n = len(example.prefix)
    assert row["targets"][0, n - 1 : n + 3].tolist() == list(IMG)
    assert row["weights"][0].tolist() == [0] * (n - 1) + [1] * 4 + [0] * (12 - n - 3)
    assert row["task"].tolist() == [sequence.TO_IMAGE]
    everything = assemble([example], 12, "all")["weights"][0]
    assert everything.tolist() == [1] * (example.length - 1) + [0] * (13 - example.length)


def test_the_first_codes_of_an_image_count_more():
    rows = [sequence.to_image(VOCAB, TOK, text, CODES, weight=0.5, coarse=(2, 4.0)) for text in ("a b c", "a")]
    rows.append(sequence.to_caption(VOCAB, TOK, CODES, "a man"))
    weights = assemble(rows, 14)["weights"]
    for row, example in zip(weights, rows[:2]):
        n = len(example.prefix)
        assert row[n - 1 : n + 3].tolist() == [2, 2, 0.5, 0.5] and row.sum() == 5
    assert set(weights[2].tolist()) == {0, 1}
    packed = sequence.blank(1, 40, packed=True)
    sequence.write(packed, [(0, 1, rows[0]), (20, 2, rows[1])])
    n, m = rows[0].length, rows[1].length
    assert packed["weights"][0, :n].tolist() == weights[0, :n].tolist()
    assert packed["weights"][0, 20 : 20 + m].tolist() == weights[1, :m].tolist()


def test_images_stand_at_the_same_positions_in_every_task():
    caption = sequence.to_caption(VOCAB, TOK, CODES, "a man")
    attributes = sequence.to_attributes(VOCAB, TOK, CODES, [("a b", "c"), ("d", "e")])
    short, long = (sequence.to_image(VOCAB, TOK, text, CODES) for text in ("a", "a b c d e"))
    rows = assemble([caption, attributes, short, long], 24, image_position=30)
    for tokens, positions in zip(rows["tokens"], rows["positions"]):
        is_code = tokens >= IMG[1]
        assert tokens[is_code].tolist() == list(IMG) and positions[is_code].tolist() == [30, 31, 32, 33]
        n = int(is_code.argmax())
        assert positions[:n].tolist() == list(range(n))
    n = len(attributes.prefix)
    assert rows["positions"][1, n - 1 : n + 7].tolist() == [34, 35, 36, 37, 38, 35, 36, 37]
    assert not rows["positions"][rows["segments"] == 0].any()


@pytest.mark.parametrize("image_position", [0, 30])
def test_rows_without_some_codes_keep_the_positions_of_the_whole_image(image_position):
    kept, pairs = np.array([0, 3]), (("a b", "c"), ("d", "e"))
    branches = tuple(sequence.branch(VOCAB, TOK, *pair) for pair in pairs)
    whole = [sequence.of_branches(VOCAB, TOK, CODES, branches), sequence.to_caption(VOCAB, TOK, CODES, "a man")]
    parts = [
        sequence.of_branches(VOCAB, TOK, CODES, branches, kept=kept),
        sequence.to_caption(VOCAB, TOK, CODES, "a man", kept=kept),
    ]
    for full, part in zip(whole, parts):
        expected, got = (assemble([e], 24, image_position=image_position) for e in (full, part))
        gone = np.isin(np.arange(24), full.image_index + np.array([1, 2]))
        for name in ("tokens", "targets", "weights", "segments", "positions"):
            values = sequence.arrays(expected)[name][0][~gone]
            if name == "targets":  # of a code: the next one that is there
                values[full.image_index] = IMG[3]
            np.testing.assert_array_equal(sequence.arrays(got)[name][0][: part.length], values[: part.length])
        assert part.length == full.length - 2


def test_without_some_codes_a_caption_is_cut_where_it_is_with_all():
    for kept in (None, np.array([0, 3])):
        caption = sequence.to_caption(VOCAB, TOK, CODES, "a b c d e f", kept=kept)
        assert list(sequence.fit(caption, 12).branches[0].answer) == TOK.encode("a b c")


def test_the_text_prefix_is_cut_whole_as_in_the_original():
    example = sequence.to_image(VOCAB, TOK, "a b c d e f", CODES, text_length=7)
    assert len(example.prefix) == 7 and example.prefix[-1] == TOK.encode("c")[0]


def test_an_example_weighs_its_targets():
    example = sequence.to_caption(VOCAB, TOK, CODES, "a man")
    heavy = Example(example.prefix, example.branches, example.task, 1, 2.5)
    rows = assemble([example, heavy], 16)
    assert tuple(example.prefix) == (2, *TOK.encode("to caption"), 3, *IMG, 3)
    np.testing.assert_array_equal(rows["weights"][1], 2.5 * rows["weights"][0])
    assert rows["weights"][0].sum() == 3  # two words and [SEP]
    assert all(v.dtype == (np.float32 if k == "weights" else np.int32) for k, v in rows.items())


def test_given_ids_are_not_scored():
    example = sequence.to_attributes(VOCAB, TOK, CODES, [("gender :", "male"), ("age :", "young")])
    row = assemble([example], 20)
    scored = row["targets"][0][row["weights"][0] > 0].tolist()
    assert scored == [*TOK.encode("male"), 3, *TOK.encode("young"), 3]


def test_what_does_not_fit():
    caption = sequence.to_caption(VOCAB, TOK, CODES, "a b c d e f g h")
    row = assemble([caption], 12)
    assert row["tokens"][0].tolist() == [*caption.prefix, *TOK.encode("a b c d")][:12]
    pairs = [("gender :", "male"), ("age :", "young"), ("hat :", "no")]
    attributes = sequence.to_attributes(VOCAB, TOK, CODES, pairs)
    with pytest.raises(ValueError, match=r"row 0 \(to_attributes\) has 21 ids; at most 17 fit"):
        assemble([attributes], 17)
    assert sequence.fit(attributes, 17).branches == attributes.branches[:2]
    with pytest.raises(ValueError, match="needs a given part"):
        assemble([Example((5, 6), (Branch((), (7, 3)), Branch((9,), (7, 3))), 2, 1)], 9)
