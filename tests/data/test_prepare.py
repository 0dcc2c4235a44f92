import collections
import concurrent.futures
import dataclasses
import json
import shutil
import threading

import numpy as np
import pytest
from faces import encode_stub, own_faces, picture, store_config
from PIL import Image

from t2f_jax.config.schema import SourceConfig, TextConfig
from t2f_jax.data import augment, corpus, prepare, shards
from t2f_jax.data.datasets import celeba, listed, registry
from t2f_jax.data.store import Store
from t2f_jax.errors import UserError
from t2f_jax.tokens import templates, text_tokenizer


@pytest.fixture(autouse=True)
def small_corpus(monkeypatch):
    monkeypatch.setattr(corpus, "SENTENCES", 300)


def run(config, folder, encode=encode_stub, fingerprint="stub"):
    return prepare.run(config, encode, fingerprint, folder / "images", folder / "store")


def test_codes_are_those_of_the_views(store_folder):
    store, config = Store(store_folder), store_config(views=3, flip=True, jitter=0.1)
    source = registry.open_source(config.data.sources["faces"], "faces", config.data.seed)
    for i in (0, 30, 47):
        face = source.image(i, 16)
        for v in range(3):
            seen = augment.view(face, config.data.seed, i, v, True, 0.1)
            np.testing.assert_array_equal(store.codes("faces", "train")[i, v], encode_stub(seen[None])[0])
        assert store.fields("faces", "train")[i] == source.fields(i)


def test_every_answer_survives_the_text_tokenizer(store_folder):
    store, tok = Store(store_folder), text_tokenizer.load(store_folder)
    for attribute in store.schema("faces"):
        for text in attribute.answers():
            ids = tok.encode(text)
            assert tok.unk not in ids and tok.decode(ids) == text


def test_phrases_make_questions_and_answers_one_piece_each(tmp_path):
    config = store_config()
    config = dataclasses.replace(config, text=dataclasses.replace(config.text, phrases=True, vocab_size=600))
    store = Store(run(config, tmp_path))
    tok = text_tokenizer.load(store.folder)
    for attribute in store.schema("faces"):
        assert len(tok.encode(templates.attribute_question(attribute.name))) == 1
        if not attribute.is_number:
            for value, text in zip(attribute.values, attribute.answers()):
                assert tok.decode(tok.encode(text)) == text
                assert len(tok.encode(templates.attributes_text({attribute.name: value}))) == 1


def test_numbers_of_labels_are_one_piece_each_if_the_config_says_so(tmp_path):
    config = store_config()
    store = Store(run(config, tmp_path))
    digits = text_tokenizer.load(store.folder)
    assert len(digits.encode("34")) == 3  # the blank before it, and each digit
    whole = Store(run(dataclasses.replace(config, text=dataclasses.replace(config.text, numbers=True)), tmp_path))
    numbers = text_tokenizer.load(store.folder)
    assert whole.fingerprint != store.fingerprint and numbers.hash != digits.hash
    ages = [number for a in whole.schema("faces") if a.is_number for number in a.candidates()]
    assert "34" in ages and [len(numbers.encode(age)) for age in ages] == [1] * len(ages)
    for text in ("age : 7 , female", "a 34-year-old woman", "aged 20 to 29", "about 250 people"):
        assert numbers.decode(numbers.encode(text)) == text


def test_an_interrupted_call_goes_on(tmp_path):
    config, calls = store_config(), []

    def encode(batch):
        calls.append(len(batch))
        if len(calls) == 4:  # faces: train, validation, test; then others
            raise KeyboardInterrupt
        return encode_stub(batch)

    with pytest.raises(KeyboardInterrupt):
        run(config, tmp_path, encode)
    with pytest.raises(UserError, match="not finished"):
        Store(tmp_path / "store")
    run(config, tmp_path, encode)
    assert len(calls) == 4 + 3  # only what was missing
    run(config, tmp_path, lambda _: pytest.fail("encoded again"))
    assert set(calls) == {prepare.BATCH}  # one shape: `encode` compiles once
    whole = prepare.run(config, encode_stub, "stub", tmp_path / "images", tmp_path / "at once")
    assert contents(whole) == contents(tmp_path / "store")


def contents(folder):
    """{path: bytes} of all files in a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def carry(path, to):
    if path.exists():
        to.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if path.is_dir() else shutil.copyfile)(path, to)


def test_processes_share_the_shards_and_the_store_is_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "SIZE", 8)
    config, whole = store_config(views=2, flip=True), tmp_path / "whole"
    prepare.run(config, encode_stub, "stub", tmp_path / "images", whole, batch=4)
    barrier, made = threading.Barrier(3), collections.defaultdict(list)

    def process(number):
        out = tmp_path / str(number) / "store"  # each has a disk of its own; what is sent lies in a folder of all

        def send(name):
            made[number] += [name] * (name != ".shards/todo.json")
            carry(out / name, tmp_path / "sent" / name)

        def fetch(name):
            carry(tmp_path / "sent" / name, out / name)

        job = shards.Job(number, 3, lambda _: barrier.wait(60), send, fetch)
        prepare.run(config, encode_stub, "stub", tmp_path / "images", out, job=job, batch=4)

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        list(pool.map(process, range(3)))
    assert contents(tmp_path / "0" / "store") == contents(whole)
    lost = tmp_path / "3" / "store"  # another machine, which has nothing but what was sent
    job = shards.Job(fetch=lambda name: carry(tmp_path / "sent" / name, lost / name))
    never = lambda _: pytest.fail("encoded again")  # noqa: E731
    prepare.run(config, never, "stub", tmp_path / "images", lost, job=job, batch=4)
    assert contents(lost) == contents(whole)
    counts = [len(made[number]) for number in range(3)]
    assert max(counts) - min(counts) <= 1 and sum(counts) == len({name for names in made.values() for name in names})


def test_a_shard_that_does_not_come_is_named(tmp_path):
    job = shards.Job(0, 2)
    with pytest.raises(UserError, match=r"faces/validation/00000: another process made this shard, and it is not here"):
        prepare.run(store_config(), encode_stub, "stub", tmp_path / "images", tmp_path / "store", job=job)


def test_another_tokenizer_encodes_again(tmp_path):
    run(store_config(), tmp_path)
    calls = []
    run(store_config(), tmp_path, lambda b: calls.append(1) or encode_stub(b), fingerprint="other")
    assert len(calls) == 6 and Store(tmp_path / "store", "other").image_tokenizer == "other"


def test_a_source_of_weight_zero_is_left_out(tmp_path):
    config = store_config(sources={"a": SourceConfig(count=10), "b": SourceConfig(count=10, weight=0.0)})
    assert Store(run(config, tmp_path)).sources == ["a"]
    with pytest.raises(UserError, match="no dataset: a config needs"):
        run(store_config(sources={"b": SourceConfig(count=10, weight=0.0)}), tmp_path)


def test_wordpiece_needs_its_file(tmp_path):
    config = dataclasses.replace(store_config(), text=TextConfig(kind="wordpiece"))
    with pytest.raises(UserError, match=r"needs text\.vocab_file"):
        run(config, tmp_path)
    config = dataclasses.replace(config, text=TextConfig(kind="wordpiece", vocab_file=str(tmp_path / "none.txt")))
    with pytest.raises(UserError, match=r"none\.txt: no such file"):
        run(config, tmp_path)


def test_codes_beyond_16_bits_are_refused(tmp_path):
    with pytest.raises(ValueError, match="must fit 16 bits"):
        run(store_config(), tmp_path, lambda b: encode_stub(b) + 70_000)
    assert not (tmp_path / "store" / "faces" / "train").exists()


def test_corpus_holds_all_words_and_is_reproducible():
    source = registry.open_source(SourceConfig(count=20), "drawn")
    faces = [source.fields(i) for i in source.split("train")]
    sentences = corpus.corpus([source.schema], [faces], 0, limit=100)
    assert sentences == corpus.corpus([source.schema], [faces], 0, limit=100)
    assert len(sentences) > 100 and templates.ATTRIBUTE_PROMPT in sentences
    text = " ".join(sentences).split()
    for attribute in source.schema:
        assert set(" ".join(attribute.answers()).split()) <= set(text)
    written = sentences[-100:]
    assert len({s for s in written if " : " not in s}) > 50  # several captions of a face differ


def break_some(folder):
    """Makes files of the folder odd; returns {name: what its reason must say}, of all that cannot be used."""
    cut = (folder / "train1.jpg").read_bytes()
    (folder / "train1.jpg").write_bytes(cut[: len(cut) // 2])
    (folder / "train2.jpg").write_text("<html>not found</html>")
    (folder / "train3.jpg").write_bytes(b"")
    picture(4).convert("CMYK").save(folder / "train4.jpg")
    gray = np.random.default_rng(5).integers(0, 2**16, (64, 64), np.uint16)
    Image.fromarray(gray).save(folder / "train5.jpg", format="PNG")
    frames = [picture(600 + k) for k in range(3)]
    frames[0].save(folder / "train6.jpg", format="WEBP", save_all=True, append_images=frames[1:])
    Image.new("1", (30_000, 30_000)).save(folder / "train7.jpg", format="PNG")
    (folder / "train8.jpg").unlink()
    (folder / "train8.jpg").symlink_to("train8.jpg")
    (folder / "train9.jpg").unlink()
    (folder / "train9.jpg").mkdir()
    (folder / "train0.jpg").rename(folder / "Füße 漢字 😀.jpg")
    text = (folder / "faces.csv").read_text().replace("train0.jpg", "Füße 漢字 😀.jpg")
    (folder / "faces.csv").write_text(text + "../outside.jpg,30,train\n", encoding="utf-8")
    return {
        "train1.jpg": "truncated",
        "train2.jpg": "not a readable image",
        "train3.jpg": "not a readable image",
        "train7.jpg": "decompression bomb",
        "train8.jpg": "link",
        "train9.jpg": "folder",
        "outside.jpg": "lies outside",
    }


def test_bad_files_are_listed_with_their_reasons_and_the_rest_is_prepared(tmp_path):
    folder = tmp_path / "mine"
    own_faces(folder, 100)
    bad = break_some(folder)
    config = store_config(sources={"mine": SourceConfig(kind="own", folder=str(folder))})
    store = Store(run(config, tmp_path))
    lines = [json.loads(line) for line in (store.folder / "skipped.jsonl").read_text().splitlines()]
    why = {next(name for name in bad if name in line["id"] + line["why"]): line["why"] for line in lines}
    assert len(lines) == len(bad) and all(part in why[name] for name, part in bad.items()), why
    records = (store.folder / "mine" / "train" / "records.jsonl").read_text(encoding="utf-8").splitlines()
    names = [json.loads(line)["id"] for line in records]
    assert len(names) == 100 - 6 and {"Füße 漢字 😀.jpg", "train4.jpg", "train5.jpg", "train6.jpg"} <= set(names)


def test_real_faces_become_a_store(real_data, tmp_path, monkeypatch):
    monkeypatch.setenv("T2F_DATA", str(real_data))
    for opened in (celeba.CelebA, listed.Listed):
        monkeypatch.setattr(opened, "split", lambda self, split: self._splits[split][:4])
    kinds = {"celeba": SourceConfig(kind="celeba"), "utkface": SourceConfig(kind="utkface")}
    store = Store(run(store_config(sources=kinds), tmp_path))
    assert store.codes("celeba", "train").shape == (4, 1, 16) and len(store.schema("celeba")) == 40
    assert store.fields("utkface", "test")[0]["attributes"]["age"] in range(1, 117)
