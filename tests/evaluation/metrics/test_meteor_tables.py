import zipfile

import meteor_jar
import pytest

from t2f_jax.errors import UserError
from t2f_jax.evaluation.metrics.meteor_tables import Tables


def test_words_have_stems_and_synonyms_by_their_base_forms(tmp_path):
    tables = Tables(meteor_jar.make(tmp_path / "m.jar"))
    assert tables.of_word("hats").stem == "hat" and tables.of_word("hats").synonyms == {"7"}
    assert tables.of_word("men").synonyms == {"6"} and tables.of_word("ladies").synonyms == {"8"}
    assert tables.of_word("older").synonyms == {"3", "4"} and tables.of_word("has").synonyms == {"13"}
    assert tables.of_word("her").synonyms == set()  # no form of "he"
    assert "the" in tables.function_words and "hat" not in tables.function_words


@pytest.mark.parametrize("kind", ["absent", "folder", "text", "zip", "cut"])
def test_another_file_is_refused(tmp_path, kind):
    path = tmp_path / "m.jar"
    if kind == "folder":
        path.mkdir()
    elif kind == "text":
        path.write_text("no zip")
    elif kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a", "b")
    elif kind == "cut":
        path.write_bytes(meteor_jar.make(tmp_path / "whole.jar").read_bytes()[:300])
    with pytest.raises(UserError, match=r"m\.jar: .*meteor-1\.5\.jar"):
        Tables(path)
