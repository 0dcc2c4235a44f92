"""The schema: which values a run may change, what belongs to a model's structure."""

import collections
import dataclasses
import typing

import pytest

from t2f_jax.config import schema, typed
from t2f_jax.config.schema import Config, DataConfig, DecoderConfig, Role, SourceConfig, TrainConfig
from t2f_jax.errors import UserError

CLASSES = [c for c in vars(schema).values() if dataclasses.is_dataclass(c) and c.__module__ == schema.__name__]


def test_a_resumed_run_may_change_when_and_where_it_works():
    when = {"eval_every", "save_every", "keep_last", "keep_best", "hang_after"}
    assert typed.marked(Config, Role.FREE) == when | {"mesh", "profile", "folder", "opt_out", "workers", "celeba"}


def test_a_name_is_free_everywhere_or_nowhere():
    # A resumed run is held to its keys by their last part, at whatever depth of run.json they stand.
    fields = collections.Counter(f.name for cls in CLASSES for f in dataclasses.fields(cls))
    assert all(fields[name] == 1 for name in typed.marked(Config, Role.FREE))


def test_an_image_tokenizers_run_is_held_to_its_data_but_not_to_where_it_lies():
    data = DataConfig(sources={"drawn": SourceConfig(folder="/mnt/faces", count=5)})
    held = typed.to_dict(data, without=(Role.FREE, Role.STORE_ONLY))
    assert list(held) == ["image_size", "crop", "flip", "jitter", "seed", "sources"]
    drawn = {"kind": "synthetic", "partition": "", "columns": "", "weight": 1.0, "count": 5}
    assert held["sources"] == {"drawn": drawn}


def test_what_is_no_part_of_a_decoders_structure():
    assert typed.marked(DecoderConfig, Role.NOT_STRUCTURE) == {"dropout", "attention"}
    assert typed.marked(DecoderConfig, Role.TRAINING_ONLY) == {"init_std", "scan", "products", "remat"}


@pytest.mark.parametrize("cls", CLASSES)
def test_every_default_is_allowed(cls):
    assert typed.from_dict(cls, typed.to_dict(cls())) == cls()


def test_choices_are_words():
    # They are told apart by `==`, and listed as they are in messages.
    for cls in CLASSES:
        for hint in typing.get_type_hints(cls).values():
            if typing.get_origin(hint) is typing.Literal:
                assert all(isinstance(choice, str) for choice in typing.get_args(hint))


def test_the_steps_that_are_profiled():
    assert TrainConfig(profile="100-105").profiled == range(100, 106)
    assert TrainConfig().profiled == range(0)
    for wrong in ("5", "7-5", "0-3", "10-1001", "a-b"):
        with pytest.raises(UserError, match="FIRST-LAST"):
            _ = TrainConfig(profile=wrong).profiled
