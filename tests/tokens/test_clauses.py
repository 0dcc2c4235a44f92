import collections

import numpy as np
import pytest

from t2f_jax.tokens.clauses import drop_clauses

CAPTION = (
    "A young, smiling woman with red hair, wearing a hat, and in her twenties. She has a long face!"
    " Who, with luck, is she?"
)


def test_all_or_nothing():
    rng = np.random.default_rng(0)
    assert drop_clauses(CAPTION, 0.0, rng) == CAPTION
    assert drop_clauses(CAPTION, 1.0, rng) == "A young, smiling woman with red hair."
    assert drop_clauses("  a man  ", 1.0, rng) == "a man" and drop_clauses("", 1.0, rng) == ""


def test_each_part_goes_by_itself():
    rng = np.random.default_rng(0)
    found = collections.Counter(drop_clauses(CAPTION, 0.5, rng) for _ in range(400))
    assert len(found) == 4 * 2 * (1 + 2)  # two clauses; a sentence; a sentence with a clause
    for caption in found:
        assert caption.startswith("A young, smiling woman with red hair") and caption[-1] in ".!?"
        assert "  " not in caption and " ," not in caption


@pytest.mark.parametrize("caption", ["Smiling. Old", "a man, with glasses, who smiles", "No end, but a clause"])
def test_captions_without_an_end_stay_whole(caption):
    assert drop_clauses(caption, 0.0, np.random.default_rng(0)) == caption
