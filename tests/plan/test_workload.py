import dataclasses

import jax
import numpy as np
import pytest

from t2f_jax import config
from t2f_jax.config.schema import DecoderConfig
from t2f_jax.models import flops
from t2f_jax.plan import workload
from t2f_jax.tokens import packing, sequence
from t2f_jax.tokens.sequence import Branch, Example
from t2f_jax.training.decoder_trainer import count_work


def test_model_flops_count_ids_targets_and_what_is_seen():
    model = DecoderConfig(layers=3, width=16, heads=2, mlp=64)
    example = Example((2, 5, 6, 3), (Branch((7,), (8, 3)), Branch((9,), (8, 8, 3))), sequence.TO_ATTRIBUTES, 1)
    batch = packing.pack([example, example], 1, 32)
    n, targets, seen = 2 * 11, 2 * 5, 2 * (4 * 4 + 3 * 4 + 6 + 4 * 4 + 10)
    wanted = 3 * (3 * (8 * 16**2 + 4 * 16 * 64) * n + 4 * 3 * 16 * seen + 2 * 40 * 16 * targets)
    done = {k: float(v) for k, v in jax.jit(lambda b: count_work(model, 40, b))(batch).items()}
    assert done == {"sequences": 2, "tokens": n, "model_flops": wanted}
    assert workload._seen(batch, "prefix") == seen
    assert flops.training(model, 40, n, targets, seen) == wanted
    large = dataclasses.replace(model, layers=64, width=8192, mlp=32768)  # its entries are more than 2^31
    counted = jax.jit(lambda n: flops.training(large, 40, n, n, n))(np.float32(2))
    assert float(counted) == pytest.approx(flops.training(large, 40, 2, 2, 2))


def test_the_papers_model_has_the_papers_parameters_and_packs():
    base = config.load("talk2face_base")
    sample = workload.sample(base)
    assert flops.parameters(base.decoder.model, sample.vocab.size) == 134_299_392
    assert sample.padding_fraction < 0.02 and sample.row_ids == 1152 and sample.pairs == 4
    assert "counted as one id" in sample.summary


def test_a_vocabulary_in_the_home_folder_counts_words_by_its_ids(tmp_path, monkeypatch):
    pytest.importorskip("tokenizers")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "v.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\nman\n")
    chosen = config.load("quickstart", ["text.kind=wordpiece", "text.vocab_file=~/v.txt"])
    encoder, vocab, counted = workload._tokenizer(chosen)
    assert (encoder.encode("man"), vocab.text_size, counted) == ([4], 5, "words as ids of v.txt")
