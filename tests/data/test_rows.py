import collections
import dataclasses
import itertools

import numpy as np
import pytest
from faces import store_config

from t2f_jax.config.schema import SourceConfig, TaskConfig
from t2f_jax.data import examples, mixture
from t2f_jax.data.rows import Rows
from t2f_jax.data.store import Store
from t2f_jax.errors import UserError
from t2f_jax.tokens import sequence, templates, text_tokenizer
from t2f_jax.tokens.phrases import PHRASES
from t2f_jax.tokens.plain_captions import plain_caption

SOURCES = {"faces": SourceConfig(weight=3.0), "others": SourceConfig(weight=1.0)}


@pytest.fixture(scope="module")
def parts(store_folder):
    """Store, vocabulary, text tokenizer, decoder configuration."""
    tok = text_tokenizer.load(store_folder)
    return Store(store_folder), text_tokenizer.vocab(tok, 16), tok, store_config().decoder


def rows_of(parts, batch_size=4, seed=0, sources=SOURCES, local_rows=None):
    """`Rows` of store, vocabulary, tokenizer and decoder configuration, for batches of a size."""
    store, vocab, tok, config = parts
    run = dataclasses.replace(config.train, batch_size=batch_size, seed=seed)
    return Rows(store, vocab, tok, dataclasses.replace(config, train=run), sources, local_rows)


def take(batches, n):
    return list(itertools.islice(batches, n))


def assert_same(a, b):
    assert a.keys() == b.keys()
    for key in a:
        np.testing.assert_array_equal(a[key], b[key], err_msg=key)


def texts(batch, vocab, tok):
    """Prefixes of a batch as text, image ids left out."""
    for tokens, segments in zip(batch["tokens"], batch["segments"]):
        ids = tokens[segments == 1]
        yield tok.decode([int(i) for i in ids if i < vocab.text_size])


@pytest.mark.parametrize("step", [0, 1, 7])
def test_sequence_batches_resume_at_any_step(parts, step):
    straight = take(rows_of(parts, 6, 9).train(), step + 2)
    resumed = take(rows_of(parts, 6, 9).train(step), 2)
    assert_same(straight[step], resumed[0])
    assert_same(straight[step + 1], resumed[1])
    other = next(rows_of(parts, 6, 10).train(step))
    assert (other["tokens"] != resumed[0]["tokens"]).any()


def test_sequence_batches_have_the_shapes_of_assemble(parts):
    batch = next(rows_of(parts, 6).train())
    length = parts[3].sequence_length
    for key in ("tokens", "targets", "segments", "positions"):
        assert batch[key].shape == (6, length) and batch[key].dtype == np.int32
    assert batch["weights"].shape == (6, length) and batch["weights"].dtype == np.float32
    assert batch["task"].shape == (6,)


def test_two_processes_make_the_rows_of_one(parts):
    whole = take(rows_of(parts, 6, 9).train(2), 2)
    mine = ([0, 1, 4], [2, 3, 5])  # devices may hold any rows
    parted = [take(rows_of(parts, 6, 9, local_rows=rows).train(2), 2) for rows in mine]
    for step in range(2):
        for rows, made in zip(mine, parted):
            assert_same({k: x[rows] for k, x in whole[step].items()}, made[step])


def test_shares_of_tasks_and_loss_weights(parts):
    tasks = TaskConfig(
        to_image=0.5, to_caption=0.2, to_attributes=0.3, image_weight=0.25, caption_weight=2.0, attribute_weight=3.0
    )
    config = dataclasses.replace(parts[3], tasks=tasks)
    batches = take(rows_of((*parts[:3], config), 64).train(), 16)
    task = np.concatenate([b["task"] for b in batches])
    weight = np.concatenate([b["weights"].max(1) for b in batches])
    for t, share, expected in zip(range(3), (0.5, 0.2, 0.3), (0.25, 2.0, 3.0)):
        assert abs((task == t).mean() - share) < 0.05
        assert set(weight[task == t]) == {np.float32(expected)}


def test_coarse_codes_have_their_own_weight_and_are_codes_of_the_image(parts):
    tasks = TaskConfig(to_image=1.0, to_caption=0.0, to_attributes=0.0, coarse_codes=4, coarse_weight=3.0)
    batch = next(rows_of((*parts[:3], dataclasses.replace(parts[3], tasks=tasks)), 8).train())
    for row in batch["weights"]:
        assert row[row > 0].tolist() == [3.0] * 4 + [1.0] * 12
    tasks = dataclasses.replace(tasks, coarse_codes=17)
    with pytest.raises(UserError, match=r"decoder\.tasks\.coarse_codes=17: an image has 16 codes; set at most 16"):
        next(rows_of((*parts[:3], dataclasses.replace(parts[3], tasks=tasks)), 8).train())


def test_to_image_prompts_hold_caption_attributes_or_both(parts):
    store, vocab, tok, config = parts
    only = {}
    for name, (caption, attribute) in {"caption": (1.0, 0.0), "attributes": (0.0, 1.0), "both": (0.0, 0.0)}.items():
        tasks = TaskConfig(
            to_image=1.0, to_caption=0.0, to_attributes=0.0, caption_share=caption, attribute_share=attribute
        )
        batch = next(rows_of((store, vocab, tok, dataclasses.replace(config, tasks=tasks)), 64).train())
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
    batch = next(rows_of((store, vocab, tok, config), 32, sources={"others": SourceConfig()}).train())
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
    batch = next(rows_of((store, vocab, tok, config), 16).train())
    assert 3 <= batch["segments"].max() < 1 + len(store.schema("faces"))


def test_the_labels_of_a_row_share_its_weight(parts):
    tasks = TaskConfig(
        to_image=0.2, to_caption=0.2, to_attributes=0.6, attribute_weight=50.0, attribute_weight_per="row"
    )
    config = dataclasses.replace(parts[3], tasks=tasks)
    for batch in take(rows_of((*parts[:3], config), 16).train(), 4):
        labels = batch["task"] == sequence.TO_ATTRIBUTES
        np.testing.assert_allclose(batch["weights"][labels].sum(1), 50, rtol=1e-5)
        assert set(np.unique(batch["weights"][~labels])) == {0, 1}
        assert len(set(batch["weights"][labels].max(1))) > 1


def test_code_dropout_leaves_out_codes_in_training_and_makes_room_for_questions(parts):
    store, vocab, tok, config = parts
    tasks = TaskConfig(to_image=0.3, to_caption=0.3, to_attributes=0.4, attributes_per_face=0, coarse_codes=4)
    config = dataclasses.replace(config, tasks=tasks, sequence_length=48)
    dropping = dataclasses.replace(config, tasks=dataclasses.replace(tasks, code_dropout=0.3))
    whole, partial = (rows_of((store, vocab, tok, c), 16) for c in (config, dropping))
    for a, b in zip(whole.held_out(2), partial.held_out(2), strict=True):
        assert_same(a, b)
    kept, questions, images = [], [[], []], {v[:4].tobytes() for v in store.codes("faces", "train").reshape(-1, 16)}
    images |= {v[:4].tobytes() for v in store.codes("others", "train").reshape(-1, 16)}
    for batches, asked in zip((whole, partial), questions):
        for batch in take(batches.train(), 32):
            asked += batch["segments"].max(1)[batch["task"] == sequence.TO_ATTRIBUTES].tolist()
            for task, row in zip(batch["task"], batch["tokens"]):
                codes = vocab.codes(row[row >= vocab.text_size])
                assert codes[:4].astype(store.codes("faces", "train").dtype).tobytes() in images
                if task == sequence.TO_IMAGE or batches is whole:
                    assert len(codes) == 16
                else:
                    kept.append(len(codes))
    assert abs(np.mean(kept) - (4 + 0.7 * 12)) < 0.5 and min(kept) < 9 and max(kept) == 16
    assert np.mean(questions[1]) > np.mean(questions[0]) + 0.3


def test_all_views_and_records_come_to_training(parts):
    store, vocab, tok, config = parts
    tasks = TaskConfig(to_image=1.0, to_caption=0.0, to_attributes=0.0)
    batches = take(
        rows_of(
            (store, vocab, tok, dataclasses.replace(config, tasks=tasks)), 48, sources={"faces": SourceConfig()}
        ).train(),
        8,
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
    first, again = ([*rows_of(parts, 4).held_out(3)] for _ in range(2))
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
        rows_of(parts, sources={"celeba": SourceConfig(kind="celeba")})
    with pytest.raises(UserError, match=r"decoder\.sequence_length=20 is too short: an image of 16 codes"):
        rows_of((store, vocab, tok, dataclasses.replace(config, sequence_length=20)))
    none = TaskConfig(to_image=0.0, to_caption=0.0, to_attributes=0.0)
    with pytest.raises(UserError, match=r"decoder\.tasks: .* not all 0"):
        rows_of((store, vocab, tok, dataclasses.replace(config, tasks=none)))


def test_sequence_lengths_are_kept(parts):
    store, vocab, tok, config = parts
    for length in (64, 96):
        shorter = dataclasses.replace(config, sequence_length=length)
        for batch in take(rows_of((store, vocab, tok, shorter), 32, 1).train(), 8):
            assert batch["tokens"].shape == (32, length)
            image_rows = batch["task"] == sequence.TO_IMAGE
            assert (batch["segments"][image_rows].max(1) == 2).all()


def test_noise_on_numbers_is_theirs_alone_and_stays_within_their_range(parts):
    """A number is asked for with its noise, in a share of the number; words stay as they are."""
    store, vocab, tok, config = parts
    tasks = TaskConfig(to_image=1, to_caption=0, to_attributes=0, caption_share=0, attribute_share=1, number_noise=0.1)
    writer = examples.Writer(store, vocab, tok, dataclasses.replace(config, tasks=tasks))
    schema = {a.name: a for a in store.schema("faces")}
    number = next(name for name, a in schema.items() if a.is_number)
    ratios = []
    for i, fields in enumerate(store.fields("faces", "train")):
        known = fields["attributes"]
        noisy = writer.noisy("faces", fields, np.random.default_rng(i))["attributes"]
        assert {k: v for k, v in noisy.items() if k != number} == {k: v for k, v in known.items() if k != number}
        assert schema[number].low <= noisy[number] <= schema[number].high
        ratios.append(noisy[number] / known[number])
    assert len(set(ratios)) > 5 and 0.05 < np.std(ratios) < 0.2 and abs(np.mean(ratios) - 1) < 0.1


def test_plain_captions_are_what_a_model_learns_to_write(parts):
    store, vocab, tok, config = parts
    tasks = TaskConfig(to_image=0, to_caption=1, to_attributes=0, caption_style="plain")
    writer = examples.Writer(store, vocab, tok, dataclasses.replace(config, tasks=tasks))
    fields = store.fields("faces", "train")[0]
    example = writer.example("faces", "train", 0, np.random.default_rng(0))
    wanted = [text.lower() for text in fields["captions"] or [plain_caption(fields["attributes"])]]
    assert tok.decode([i for i in example.branches[0].answer if i < vocab.text_size]).strip() in wanted


def test_processes_write_the_same_rows(parts):
    store, vocab, tok, config = parts
    for pack in (1, 3):
        plain, several = (dataclasses.replace(config, pack=pack, workers=workers) for workers in (0, 1))
        wanted = take(rows_of((store, vocab, tok, plain), 6, 9).train(2), 3)
        batches = rows_of((store, vocab, tok, several), 6, 9).train(2)
        for a, b in zip(wanted, take(batches, 3), strict=True):
            assert_same(a, b)
        batches.close()


def test_captions_of_labels_beside_a_faces_own(parts):
    store, vocab, tok, config = parts
    known = store.fields("faces", "train")[0]["attributes"]
    own = {"attributes": known, "captions": ["a very special face. so it is."]}

    writer = examples.Writer(store, vocab, tok, dataclasses.replace(config, tasks=TaskConfig(label_captions=0.5)))
    found = [writer._caption(own, PHRASES, np.random.default_rng(k)) for k in range(200)]
    assert 60 < sum(caption == own["captions"][0] for caption in found) < 140
    unlabelled = {"attributes": {}, "captions": own["captions"]}
    assert writer._caption(unlabelled, PHRASES, np.random.default_rng(0)) == own["captions"][0]
    cut = dataclasses.replace(config, tasks=TaskConfig(clause_dropout=1.0))
    writer = examples.Writer(store, vocab, tok, cut)
    assert writer._prompt_caption(own, PHRASES, np.random.default_rng(0)) == "a very special face."
