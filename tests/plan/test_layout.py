"""Layouts by estimated memory: what training and planning choose where a config leaves it open."""

import dataclasses
import types

import jax
import pytest

from t2f_jax import config
from t2f_jax.distributed import chips
from t2f_jax.errors import UserError
from t2f_jax.experiments import stages
from t2f_jax.plan import layout

VOCAB = 31_546
V5E = chips.CHIPS["TPU v5 lite"]


def devices(count, slices=1, kind="TPU v5 lite"):
    return [
        types.SimpleNamespace(device_kind=kind, platform="tpu", slice_index=i * slices // count) for i in range(count)
    ]


def laid_out(config_name, count, slices=1, kind="TPU v5 lite", overrides=()):
    run = config.load(config_name, list(overrides)).decoder
    laid = layout.choose(run, VOCAB, devices(count, slices, kind))
    return laid.train.mesh, laid.accumulate


def test_what_fits_is_not_cut_and_what_does_not_is_cut_or_done_in_parts():
    assert laid_out("talk2face_base", 16) == ("data=16", 2)
    assert laid_out("talk2face_base", 256) == ("data=256", 1)
    assert laid_out("talk2face_base", 16, overrides=["decoder.train.batch_size=512"]) == ("data=16", 1)
    assert laid_out("talk2face_1b", 256) == ("data=64,fsdp=4", 1)
    assert laid_out("talk2face_7b", 2048, kind="TPU v5") == ("data=1024,fsdp=2", 1)
    assert laid_out("talk2face_7b", 512, slices=2) == ("slice=2,data=4,fsdp=64", 1)


def test_what_is_chosen_leaves_memory_by_the_estimate_and_what_was_compiled_is_near_it():
    run = config.load("talk2face_base").decoder
    shape = {"slice": 1, "data": 16, "fsdp": 1, "tensor": 1}
    two = dataclasses.replace(run, accumulate=2)
    one = dataclasses.replace(run, accumulate=1)
    enough = (1 - layout.SPARE) * V5E.hbm_bytes
    assert layout.memory(two, VOCAB, shape) < enough < layout.memory(one, VOCAB, shape)
    small = dataclasses.replace(one, train=dataclasses.replace(run.train, batch_size=512))
    assert layout.memory(small, VOCAB, shape) == pytest.approx(10.07 * 2**30, rel=1 / 6)  # as compiled for v5e:4x4


def test_where_nothing_fits_the_least_is_taken():
    assert laid_out("talk2face_7b", 2, overrides=["decoder.train.batch_size=64"]) == ("fsdp=2", 32)


def test_what_the_config_names_is_kept(monkeypatch):
    named = ["decoder.accumulate=1"]
    assert laid_out("talk2face_base", 16, overrides=named)[1] == 1
    shape = {"slice": 1, "data": 8, "fsdp": 2, "tensor": 1}
    monkeypatch.setattr(layout.partitioning, "make_mesh", lambda spec, devices: types.SimpleNamespace(shape=shape))
    assert laid_out("talk2face_base", 16, overrides=["decoder.train.mesh=fsdp=2"]) == ("fsdp=2", 2)


def test_on_unknown_chips_nothing_is_chosen(capsys):
    run = config.load("talk2face_base").decoder
    assert laid_out("talk2face_base", 8, kind="cpu") == ("", 1)
    laid = stages.choose_layout(run, VOCAB)
    assert (laid.train.mesh, laid.accumulate) == ("", 1) and capsys.readouterr().err == ""
    assert dataclasses.replace(laid, accumulate=0) == run


def test_training_takes_what_a_plan_takes_and_says_so(monkeypatch, capsys):
    run = config.load("talk2face_base").decoder
    monkeypatch.setattr(jax, "devices", lambda: devices(16))
    laid = stages.choose_layout(run, VOCAB)
    assert (laid.train.mesh, laid.accumulate) == laid_out("talk2face_base", 16)
    assert capsys.readouterr().err == "decoder: layout decoder.train.mesh=data=16 decoder.accumulate=2\n"


def test_a_negative_number_of_parts_is_no_number():
    with pytest.raises(UserError, match=r"decoder\.accumulate"):
        config.load("talk2face_base", ["decoder.accumulate=-1"])
