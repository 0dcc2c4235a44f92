"""The joint id space."""

import numpy as np
import pytest

from t2f_jax.tokens.vocab import Vocab

VOCAB = Vocab(text_size=10, image_size=4)


def test_codes_and_ids_are_inverse():
    codes = np.array([[0, 3], [1, 2]])
    ids = VOCAB.image_ids(codes)
    assert ids.tolist() == [[10, 13], [11, 12]]
    assert np.array_equal(VOCAB.codes(ids), codes)
    assert VOCAB.size == 14 and VOCAB.image_span == (10, 4) and VOCAB.text_span == (0, 10)


def test_ids_of_the_wrong_kind_are_refused():
    with pytest.raises(ValueError, match="text id"):
        VOCAB.codes(np.array([9]))
    with pytest.raises(ValueError, match=r"0\.\.3"):
        VOCAB.image_ids(np.array([4]))


def test_an_answer_may_hold_every_piece_and_sep_alone_of_the_special_ids():
    assert np.flatnonzero(~VOCAB.text_allowed()).tolist() == [0, 1, 2]


def test_the_originals_ids():
    original = Vocab(30522, 1024, pad=0, unk=100, cls=101, sep=102)
    assert original.size == 31546 and original.image_ids(np.array([1023])) == 31545
