"""Ages of which a range is known, from a dataset's labels to the rows that a model learns from."""

import dataclasses

import made_up
import numpy as np
import pytest
from faces import encode_stub, store_config

from t2f_jax.config.schema import SourceConfig, TaskConfig
from t2f_jax.data import corpus, prepare
from t2f_jax.data.rows import Rows
from t2f_jax.data.store import Store
from t2f_jax.tokens import text_tokenizer

AGES = {"0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "70+"}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranges")
    made_up.make("fairface", folder / "FairFace")
    sources = {"faces": SourceConfig(kind="fairface", folder=str(folder / "FairFace"))}
    config = dataclasses.replace(store_config(), data=dataclasses.replace(store_config().data, sources=sources))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpus, "SENTENCES", 300)
        return Store(prepare.run(config, encode_stub, "stub", folder / "images", folder / "store"))


def lines(store, rows, **tasks):
    """Texts of some rows about the faces, image ids left out; every id of a text is one that the tokenizer knows."""
    tok = text_tokenizer.load(store.folder)
    vocab = text_tokenizer.vocab(tok, 16)
    config = dataclasses.replace(store_config().decoder, tasks=TaskConfig(**tasks))
    config = dataclasses.replace(config, train=dataclasses.replace(config.train, batch_size=rows))
    batch = next(Rows(store, vocab, tok, config, {"faces": SourceConfig()}).train())
    assert not (batch["tokens"] == vocab.unk).any()
    return [tok.decode([int(i) for i in row if i < vocab.text_size]) for row in batch["tokens"]]


def test_a_range_stays_a_range_in_the_store(store):
    (age,) = [a for a in store.schema("faces") if a.name == "age"]
    assert set(age.ranges) == AGES
    assert {face["attributes"]["age"] for face in store.fields("faces", "train")} == AGES


def test_a_range_is_the_answer_to_the_question_of_an_age(store):
    rows = lines(store, 64, to_image=0.0, to_caption=0.0, to_attributes=1.0)
    answers = [row.partition("age : ")[2].split()[0] for row in rows if "age : " in row]
    assert len(answers) > 50 and set(answers) == AGES


def test_a_range_stands_in_prompts_and_captions(store):
    rows = lines(store, 256, to_image=1.0, to_caption=0.0, to_attributes=0.0)
    listed = [row.partition("age : ")[2].split()[0] for row in rows if "age : " in row]
    assert set(listed) == AGES
    said = " ".join(rows)
    for words in ("in his twenties", "aged 30 to 39", "or more", "elderly", "baby"):
        assert words in said, words
    assert np.mean(["-year-old" in row for row in rows]) == 0
