import meteor_jar
import pytest

from t2f_jax.evaluation.metrics.meteor_alignment import align
from t2f_jax.evaluation.metrics.meteor_tables import Tables


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    return Tables(meteor_jar.make(tmp_path_factory.mktemp("jar") / "meteor-1.5.jar"))


@pytest.mark.parametrize(
    ("caption", "reference", "matches"),  # by the Java program: word of the reference, of the caption, module
    [
        ("a b q c a d", "a", [(0, 0, 0)]),
        ("x face a face", "face a b", [(0, 1, 0), (1, 2, 0)]),
        ("hair q hair e", "r hair r hair f", [(1, 0, 0), (3, 2, 0)]),
        ("hair q hair e", "r hair", [(1, 0, 0)]),
        ("hair q hair e", "r s s s s s hair", [(6, 0, 0)]),
        ("chapeau b", "hat x", [(0, 0, 2)]),
        ("hat chapeau b", "hat x", [(0, 0, 0)]),
        ("hats q hats", "hat z", []),  # either makes a chunk, and none is exact
        ("hats q hats a", "hat a", [(0, 2, 1), (1, 3, 0)]),  # one makes none
        ("q q", "z", []),
        ("", "a", []),
        ("a", "", []),
    ],
)
def test_words_are_matched_as_the_program_does(tables, caption, reference, matches):
    found = align(caption.split(), reference.split(), tables)
    assert [(m.other, m.word, m.module) for m in found] == matches
