import collections
import dataclasses
import itertools
import subprocess
import sys

import numpy as np
import pytest
from faces import store_config

from t2f_jax.config.schema import TaskConfig
from t2f_jax.data import mixture, pipeline
from t2f_jax.data.pixels import ImageSet
from t2f_jax.data.store import Store
from t2f_jax.errors import UserError
from t2f_jax.tokens import sequence, templates, text_tokenizer

WEIGHTS = {"faces": 3.0, "others": 1.0}


@pytest.fixture(scope="module")
def parts(store_folder):
    """Store, vocabulary, text tokenizer, decoder configuration."""
    tok = text_tokenizer.load(store_folder)
    return Store(store_folder), text_tokenizer.vocab(tok, 16), tok, store_config().decoder


def take(batches, n):
    return list(itertools.islice(batches, n))


def assert_same(a, b):
    assert a.keys() == b.keys()
    for key in a:
        np.testing.assert_array_equal(a[key], b[key], err_msg=key)


def image_set(name, size, side=8):
    """Image i is filled with the number i."""
    pixels = np.broadcast_to(np.arange(size, dtype=np.uint8)[:, None, None, None], (size, side, side, 3))
    return ImageSet(pixels, [{}] * size, [str(i) for i in range(size)], name, "train")


def texts(batch, vocab, tok):
    """Prefixes of a batch as text, image ids left out."""
    for tokens, segments in zip(batch["tokens"], batch["segments"]):
        ids = tokens[segments == 1]
        yield tok.decode([int(i) for i in ids if i < vocab.text_size])


def test_mixture_keeps_weights_and_visits_every_record_equally():
    sizes = (7, 100, 1000)
    mix = mixture.Mixture(sizes, (1.0, 2.0, 5.0), seed=3)
    seen = collections.Counter(mix.locate(row) for row in range(16 * mixture.BLOCK))
    for s, share in enumerate((1 / 8, 2 / 8, 5 / 8)):
        visits = [seen[s, i] for i in range(sizes[s])]
        assert sum(visits) == 16 * mixture.BLOCK * share
        assert max(visits) - min(visits) <= 1  # whole epochs, and one that has begun
    assert [mix.locate(r) for r in range(50)] != [
        mixture.Mixture(sizes, (1.0, 2.0, 5.0), 4).locate(r) for r in range(50)
    ]


def test_epochs_differ_in_order():
    mix = mixture.Mixture((50,), (1.0,), seed=0)
    first, second = ([mix.locate(50 * e + k)[1] for k in range(50)] for e in (0, 1))
    assert sorted(first) == sorted(second) == list(range(50)) and first != second


@pytest.mark.parametrize("weights", [(1.0, 1e-6), (1 / 3, 1 / 3, 1 / 3), (1.0,), (1e-9,) * 5 + (1.0,)])
def test_quotas_fill_a_block_and_leave_nobody_out(weights):
    quotas = mixture._quotas(weights)
    assert sum(quotas) == mixture.BLOCK and min(quotas) >= 1
    exact = np.array(weights) / sum(weights) * mixture.BLOCK
    assert np.abs(quotas - exact).max() <= len(weights)


def test_held_out_spreads_and_never_repeats():
    chosen = mixture.held_out([100, 3], [1.0, 1.0], 20)
    assert len(set(chosen)) == len(chosen) == 13  # the small source gives all it has
    assert [i for s, i in chosen if s == 0] == list(range(0, 100, 10))
    assert len(mixture.held_out([5], [1.0], 100)) == 5


def test_image_batches_are_pure_in_seed_and_step():
    sets = [(image_set("a", 50), 1.0), (image_set("b", 20), 1.0)]
    straight = take(pipeline.image_batches(sets, 8, 1, flip=True, jitter=0.1), 6)
    resumed = take(pipeline.image_batches(sets, 8, 1, 4, flip=True, jitter=0.1), 2)
    assert straight[0]["image"].shape == (8, 8, 8, 3) and straight[0]["image"].dtype == np.uint8
    assert_same(straight[4], resumed[0])
    assert_same(straight[5], resumed[1])
    other = next(pipeline.image_batches(sets, 8, 2, flip=True, jitter=0.1))
    assert (other["image"] != straight[0]["image"]).any()


def test_image_batches_mirror_half():
    pixels = np.zeros((4, 8, 8, 3), np.uint8)
    pixels[:, :, 4:] = 255
    batches = take(
        pipeline.image_batches([(dataclasses.replace(image_set("a", 4), images=pixels), 1.0)], 50, 0, flip=True), 4
    )
    mirrored = np.concatenate([b["image"][:, 0, 0, 0] == 255 for b in batches])
    assert 0.4 < mirrored.mean() < 0.6


def test_image_eval_batches_are_fixed_finite_and_masked():
    sets = [image_set("a", 50), image_set("b", 5)]
    first, again = ([*pipeline.image_eval_batches(sets, 8, 3)] for _ in range(2))
    assert len(first) == 3
    for a, b in zip(first, again):
        assert_same(a, b)
    masks = np.concatenate([b["mask"] for b in first])
    assert masks.sum() == 12 + 5 and masks.dtype == np.float32
    assert not masks[17:].any()


@pytest.mark.parametrize("step", [0, 1, 7])
def test_sequence_batches_resume_at_any_step(parts, step):
    straight = take(pipeline.sequence_batches(*parts, WEIGHTS, 6, 9), step + 2)
    resumed = take(pipeline.sequence_batches(*parts, WEIGHTS, 6, 9, step), 2)
    assert_same(straight[step], resumed[0])
    assert_same(straight[step + 1], resumed[1])
    other = next(pipeline.sequence_batches(*parts, WEIGHTS, 6, 10, step))
    assert (other["tokens"] != resumed[0]["tokens"]).any()


def test_sequence_batches_have_the_shapes_of_assemble(parts):
    batch = next(pipeline.sequence_batches(*parts, WEIGHTS, 6, 0))
    length = parts[3].sequence_length
    for key in ("tokens", "targets", "segments", "positions"):
        assert batch[key].shape == (6, length) and batch[key].dtype == np.int32
    assert batch["weights"].shape == (6, length) and batch["weights"].dtype == np.float32
    assert batch["task"].shape == (6,)


def test_two_processes_make_the_rows_of_one(parts):
    whole = take(pipeline.sequence_batches(*parts, WEIGHTS, 6, 9, 2), 2)
    mine = ([0, 1, 4], [2, 3, 5])  # devices may hold any rows
    parted = [take(pipeline.sequence_batches(*parts, WEIGHTS, 6, 9, 2, rows), 2) for rows in mine]
    for step in range(2):
        for rows, made in zip(mine, parted):
            assert_same({k: x[rows] for k, x in whole[step].items()}, made[step])


def test_shares_of_tasks_and_loss_weights(parts):
    tasks = TaskConfig(
        to_image=0.5, to_caption=0.2, to_attributes=0.3, image_weight=0.25, caption_weight=2.0, attribute_weight=3.0
    )
    config = dataclasses.replace(parts[3], tasks=tasks)
    batches = take(pipeline.sequence_batches(*parts[:3], config, WEIGHTS, 64, 0), 16)
    task = np.concatenate([b["task"] for b in batches])
    weight = np.concatenate([b["weights"].max(1) for b in batches])
    for t, share, expected in zip(range(3), (0.5, 0.2, 0.3), (0.25, 2.0, 3.0)):
        assert abs((task == t).mean() - share) < 0.05
        assert set(weight[task == t]) == {np.float32(expected)}


def test_to_image_prompts_hold_caption_attributes_or_both(parts):
    store, vocab, tok, config = parts
    only = {}
    for name, (caption, attribute) in {"caption": (1.0, 0.0), "attributes": (0.0, 1.0), "both": (0.0, 0.0)}.items():
        tasks = TaskConfig(
            to_image=1.0, to_caption=0.0, to_attributes=0.0, caption_share=caption, attribute_share=attribute
        )
        batch = next(
            pipeline.sequence_batches(store, vocab, tok, dataclasses.replace(config, tasks=tasks), WEIGHTS, 64, 0)
        )
        only[name] = list(texts(batch, vocab, tok))
        image = (batch["targets"] >= vocab.text_size) & (batch["weights"] > 0)
        assert (image.sum(1) == 16).all()
    assert not any(" : " in text for text in only["caption"])
    assert all("." in text for text in only["caption"])  # a caption is sentences, a list of attributes is none
    assert not any("." in text for text in only["attributes"])
    both = ["." in text and not text.rstrip().endswith(".") for text in only["both"]]
    assert np.mean(both) > 0.5  # a long caption may fill the room
    assert len(set(only["attributes"])) > 50


def test_attribute_rows_ask_and_answer_truthfully(parts):
    store, vocab, tok, config = parts
    tasks = TaskConfig(to_image=0.0, to_caption=0.0, to_attributes=1.0, attributes_per_face=3)
    config = dataclasses.replace(config, tasks=tasks)
    batch = next(pipeline.sequence_batches(store, vocab, tok, config, {"others": 1.0}, 32, 0))
    order = mixture.Mixture([32], [1.0], 0)
    schema = {a.name: a for a in store.schema("others")}
    asked = set()
    for row in range(32):
        known = store.fields("others", "train")[order.locate(row)[1]]["attributes"]
        assert batch["segments"][row].max() == 1 + 3
        for b in range(2, 5):
            words = tok.decode(batch["tokens"][row][batch["segments"][row] == b].tolist())
            name, value = (part.strip() for part in words.split(":"))
            assert value == templates.attribute_answer(schema[name], known[name])
            asked.add(name)
    assert asked == {a.name for a in store.schema("others")}


def test_trailing_attributes_are_dropped_where_they_do_not_fit(parts):
    store, vocab, tok, config = parts
    tasks = TaskConfig(to_image=0.0, to_caption=0.0, to_attributes=1.0, attributes_per_face=0)
    config = dataclasses.replace(config, tasks=tasks, sequence_length=48)
    batch = next(pipeline.sequence_batches(store, vocab, tok, config, WEIGHTS, 16, 0))
    assert 3 <= batch["segments"].max() < 1 + len(store.schema("faces"))


def test_all_views_and_records_come_to_training(parts):
    store, vocab, tok, config = parts
    tasks = TaskConfig(to_image=1.0, to_caption=0.0, to_attributes=0.0)
    batches = take(
        pipeline.sequence_batches(store, vocab, tok, dataclasses.replace(config, tasks=tasks), {"faces": 1.0}, 48, 0), 8
    )
    seen = collections.Counter()
    for batch in batches:
        for row in range(48):
            ids = batch["targets"][row][(batch["weights"][row] > 0)]
            seen[vocab.codes(ids).tobytes()] += 1
    codes = store.codes("faces", "train").astype(np.int32)
    assert sum(seen.values()) == 8 * 48
    for record in codes:
        assert sum(seen[v.tobytes()] for v in np.unique(record, axis=0)) >= 8
    assert {v.tobytes() for v in codes[:, 0]} & seen.keys() and {v.tobytes() for v in codes[:, 1]} & seen.keys()


def test_sequence_eval_batches_are_fixed_finite_and_masked(parts):
    first, again = ([*pipeline.sequence_eval_batches(*parts, WEIGHTS, 4, 3)] for _ in range(2))
    assert len(first) == len(again) == 3
    for a, b in zip(first, again):
        assert_same(a, b)
    masks = np.concatenate([b["mask"] for b in first])
    assert masks.sum() == 9  # six of "faces" (all it has), three of "others"
    assert not np.concatenate([b["weights"] for b in first])[masks == 0].any()
    assert {0, 1, 2} >= set(np.concatenate([b["task"] for b in first]))


def test_mistakes_are_named(parts):
    store, vocab, tok, config = parts
    with pytest.raises(UserError, match="no source 'celeba' in this store, which has faces, others"):
        pipeline.sequence_batches(*parts, {"celeba": 1.0}, 4, 0)
    with pytest.raises(UserError, match=r"decoder\.sequence_length=20 is too short: an image of 16 codes"):
        pipeline.sequence_batches(store, vocab, tok, dataclasses.replace(config, sequence_length=20), WEIGHTS, 4, 0)
    none = TaskConfig(to_image=0.0, to_caption=0.0, to_attributes=0.0)
    with pytest.raises(UserError, match=r"decoder\.tasks: .* not all 0"):
        pipeline.sequence_batches(store, vocab, tok, dataclasses.replace(config, tasks=none), WEIGHTS, 4, 0)


def test_an_error_in_the_background_is_raised_as_itself():
    def make(step):
        if step == 3:
            raise KeyError("row 3")
        return {"x": np.array([step])}

    batches = pipeline._through_tf_data(make, 0, 10)
    assert [int(next(batches)["x"][0]) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(KeyError, match="row 3"):
        next(batches)


def test_an_abandoned_iterator_lets_python_end():
    code = (
        "import time, numpy as np\nfrom t2f_jax.data import pipeline\n"
        "def make(step):\n    time.sleep(0.5 if step else 0)\n    return {'x': np.zeros(1000)}\n"
        "b = pipeline._through_tf_data(make, 0, 10**9)\n"
        "next(b); next(b); time.sleep(0.1); print('done')"  # its thread is at the third batch now
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0 and result.stdout.strip() == "done", result.stderr[-2000:]


def test_sequence_lengths_are_kept(parts):
    store, vocab, tok, config = parts
    for length in (64, 96):
        shorter = dataclasses.replace(config, sequence_length=length)
        for batch in take(pipeline.sequence_batches(store, vocab, tok, shorter, WEIGHTS, 32, 1), 8):
            assert batch["tokens"].shape == (32, length)
            image_rows = batch["task"] == sequence.TO_IMAGE
            assert (batch["segments"][image_rows].max(1) == 2).all()
