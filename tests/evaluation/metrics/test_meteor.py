import meteor_jar
import numpy as np
import pytest
from given_captions import CAPTIONS, GIVEN

from t2f_jax.evaluation.corpus_scores import meteor
from t2f_jax.evaluation.metrics.meteor import meteor_statistics, normalize
from t2f_jax.evaluation.metrics.meteor_tables import Tables
from t2f_jax.evaluation.metrics.ptb import ptb_tokens
from t2f_jax.evaluation.metrics.wording import wording_figures


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    return Tables(meteor_jar.make(tmp_path_factory.mktemp("jar") / "meteor-1.5.jar"))


def score(caption, *references, tables):
    return float(meteor(meteor_statistics([caption.split()], [[r.split() for r in references]], tables)[0]))


def test_the_java_program_s_values(tables):
    # By meteor-1.5.jar, -l en -norm -m 'exact stem synonym'.
    tokens = [ptb_tokens(text) for text in CAPTIONS]
    rows = meteor_statistics(tokens, [[ptb_tokens(text) for text in texts] for texts in GIVEN], tables)
    each = [0.37611784, 0.37545059, 0.25613022, 0.50095629, 0.20284885, 0.14814815]
    assert meteor(rows) == pytest.approx(each, abs=1e-8)
    assert meteor(rows.sum(0)) == pytest.approx(0.33217692834561563, abs=1e-12)
    figure = {f.name: f for f in wording_figures(CAPTIONS, GIVEN, meteor=tables)}["captions/meteor"]
    assert figure.value == pytest.approx(0.33217692834561563) and figure.n == 6
    assert figure.protocol.startswith("meteor-1.5-port|modules:exact+stem+synonym|tokens:ptb-coco")


@pytest.mark.parametrize(
    ("caption", "reference", "value"),
    [
        ("a man", "a man", 1.0),
        ("a hair", "a hairs", 0.7),
        ("hair", "hairs", 0.6),
        ("chapeau", "hat", 0.8),
        ("hair", "nose", 0.0),
        ("a man", "a bald man with a goatee", 0.14814814814814814),
    ],
)
def test_one_caption(tables, caption, reference, value):
    assert score(caption, reference, tables=tables) == pytest.approx(value, abs=1e-9)


def test_the_best_reference_counts_and_nothing_is_0(tables):
    assert score("a man", "the nose", "a man", tables=tables) == 1
    rows = meteor_statistics([[], ["man"]], [[["a"]], [[]]], tables)
    assert meteor(rows).tolist() == [0, 0] and np.isfinite(rows).all()


@pytest.mark.parametrize(
    ("tokens", "parted"),
    [
        ("o'clock make-up n't 's 'll 30 's mid-40s", "o 'clock make up n 't ' s ' ll 30 ' s mid 40s"),
        ("-lrb- u.s. dr. smith i.e. etc. 1.80 m 100 %", "-lrb- us dr. smith ie etc . 1.80 m 100 %"),
        ("grey/white w/o #brown !!! girls ' café", "grey / white w / o # brown ! ! ! girls ' café"),
        ("y' all a_b 3-4 6' rock'n'roll", "y ' all a _ b 3 4 6 ' rock 'n'roll"),
    ],
)
def test_tokens_are_parted_as_the_program_does(tokens, parted):
    assert normalize(tokens.split()) == parted.split()
