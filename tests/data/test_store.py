import contextlib
import json
import shutil

import damage
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from t2f_jax.data.store import Store
from t2f_jax.errors import UserError
from t2f_jax.io.framing import Framing


@pytest.fixture
def copy(store_folder, tmp_path):
    return shutil.copytree(store_folder, tmp_path / "store")


def test_opens_what_was_prepared(store_folder):
    store = Store(store_folder, "stub-tokenizer")
    assert store.sources == ["faces", "others"] and store.codes_per_image == 16
    assert store.summary() == {
        "faces": {"train": 48, "validation": 6, "test": 6},
        "others": {"train": 32, "validation": 4, "test": 4},
    }
    assert store.codes("faces", "train").shape == (48, 3, 16) and store.codes("faces", "train").dtype == np.uint16
    assert store.codes("faces", "test").shape == (6, 1, 16)
    assert len(store.fields("faces", "train")) == 48
    assert store.fields("faces", "train")[5]["attributes"].keys() <= {a.name for a in store.schema("faces")}
    assert store.fields("faces", "train")[-1] == store.fields("faces", "train")[47]
    assert len(store.fields("faces", "train")[:5]) == 5


def test_baselines_count_the_training_labels(store_folder):
    store = Store(store_folder)
    counts = store.baselines()["faces"]
    assert sum(counts["gender"].values()) == 48
    ages = [f["attributes"]["age"] for f in store.fields("faces", "train")]
    assert sum(int(age) * n for age, n in counts["age"].items()) == sum(ages)


def test_another_image_tokenizer_is_refused(store_folder):
    with pytest.raises(UserError, match="its codes come from image tokenizer stub-tokeni"):
        Store(store_folder, "another-tokenizer")


@pytest.mark.parametrize(
    "part, message",
    [
        ("meta.json", r"meta\.json is missing, so this store is not finished"),
        ("text_tokenizer.model", r"text_tokenizer\.model: the text tokenizer is missing"),
        ("faces/train/codes.npy", r"train/codes\.npy: this part of the store is missing"),
        ("others/test/records.jsonl", r"test/records\.jsonl: this part of the store is missing"),
    ],
)
def test_a_missing_part_is_named(copy, part, message):
    (copy / part).unlink()
    with pytest.raises(UserError, match=message):
        Store(copy)


def test_no_store_at_all(tmp_path):
    with pytest.raises(UserError, match="no such store; `t2f prepare` makes one"):
        Store(tmp_path / "nowhere")


def test_broken_parts_are_named(copy):
    records = copy / "faces" / "test" / "records.jsonl"
    records.write_text("".join(records.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(UserError, match="6 faces of 16 codes and 5 records instead of 6 of 16"):
        Store(copy)
    codes = copy / "faces" / "train" / "codes.npy"
    codes.write_bytes(codes.read_bytes()[:200])
    with pytest.raises(UserError, match=r"train/codes\.npy: broken"):
        Store(copy)


def test_a_part_of_other_settings_is_refused(copy):
    path = copy / "faces" / "train" / "meta.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "key": "other"}))
    with pytest.raises(UserError, match="encoded under other settings than the store's"):
        Store(copy)


def test_a_description_without_a_key_is_refused(copy):
    path = copy / "meta.json"
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "sources"}))
    with pytest.raises(UserError, match="'sources' is missing or broken"):
        Store(copy)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), part=st.sampled_from(["meta.json", "faces/test/meta.json", "faces/test/records.jsonl"]))
def test_any_bytes_make_a_store_or_are_refused(copy, data, part):
    whole = (copy / part).read_bytes()
    try:
        if part.endswith("l"):
            lines = [data.draw(damage.any_json(json.loads(line))) for line in whole.splitlines()]
            (copy / part).write_bytes(b"\n".join(lines) + b"\n")
        else:
            (copy / part).write_bytes(data.draw(damage.any_json(json.loads(whole))))
        with contextlib.suppress(UserError):
            store = Store(copy, "stub-tokenizer")
            for name in store.sources:
                assert len(store.fields(name, "test")[:]) == len(store.codes(name, "test"))
            store.summary(), store.baselines()
    finally:
        (copy / part).write_bytes(whole)


def test_other_pixels_than_its_own_are_refused(copy):
    store = Store(copy)
    assert store.framing == Framing()
    store.check_framing(Framing())
    with pytest.raises(UserError, match=r"its faces were encoded with data\.crop=1\.0, not 0\.9; give data\.crop=1"):
        store.check_framing(Framing(0.9))
    with pytest.raises(UserError, match=r"data\.filter=auto, not lanczos"):
        store.check_framing(Framing(filter="lanczos"))
    meta = json.loads((copy / "meta.json").read_text())
    assert not {"resize", "filter"} & meta["config"].keys(), "as in stores of older versions"
    del meta["config"]
    (copy / "meta.json").write_text(json.dumps(meta))
    Store(copy).check_framing(Framing(0.9))  # it does not say
