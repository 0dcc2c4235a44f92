"""What a plan compiles is what training runs."""

import json
import os
import subprocess
import sys
import types

import jax
import planned_step
import pytest
from fake_compiler import HLO, Device
from jax.experimental import topologies

from t2f_jax.config.schema import DecoderConfig, DecoderRunConfig, TrainConfig
from t2f_jax.distributed import partitioning
from t2f_jax.errors import UserError
from t2f_jax.models import flops
from t2f_jax.plan import hlo, program
from t2f_jax.tokens.vocab import Vocab


def test_the_planned_step_is_the_step_of_a_run():
    env = {**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    meshes = ["data=8", "data=2,fsdp=2,tensor=2"]
    command = [sys.executable, planned_step.__file__, *meshes]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert results == [[mesh, {"packed": True, "plain": True}] for mesh in meshes]


def test_a_batch_on_its_way_is_counted_by_its_arrays():
    packed = DecoderRunConfig(train=TrainConfig(batch_size=8), sequence_length=40, pack=2, row_length=80)
    assert program.batch_bytes(packed) == 8 * 80 * 4 * 7
    padded = DecoderRunConfig(train=TrainConfig(batch_size=8), sequence_length=40, pack=1)
    assert program.batch_bytes(padded) == 8 * 40 * 4 * 5 + 8 * 4


def test_topologies_are_asked_for_as_machines_show_them(monkeypatch):
    asked = []

    def describe(name, platform, **options):
        asked.append((name, platform, options))
        return types.SimpleNamespace(devices=[Device()])

    monkeypatch.setattr(topologies, "get_topology_desc", describe)
    for name, slices in (("v5e:16x16", 1), ("v5e:16x16", 2), ("v4:4x4x4", 1)):
        program.devices(name, slices)
    assert [options for *_, options in asked] == [{}, {"num_slices": 2}, {"chip_config_name": "megacore"}]


def test_without_libtpu_its_install_is_named(monkeypatch):
    def describe(name, platform, **options):
        raise RuntimeError("no such platform")

    monkeypatch.setattr(topologies, "get_topology_desc", describe)
    monkeypatch.setattr(program.util, "find_spec", lambda name: None)
    monkeypatch.delenv("TPU_LIBRARY_PATH", raising=False)
    with pytest.raises(UserError, match=r"libtpu is not installed; .*'\.\[tpu\]'"):
        program.devices("v5e:4x4")


def test_unknown_chips_are_called_unknown(monkeypatch):
    monkeypatch.setattr(Device, "device_kind", "TPU v99")
    with pytest.raises(UserError, match="chip 'TPU v99' is unknown"):
        program.chip_of([Device()])
    with pytest.raises(UserError, match="write CHIP:AxB"):
        program.devices("v5e-16")


def test_a_compiler_that_ends_the_process_is_told_of(monkeypatch):
    chip, version, row_ids = min(program.ABORTS)
    monkeypatch.setattr(program.util, "find_spec", lambda name: name)
    monkeypatch.setattr(program.metadata, "version", lambda name: version)
    assert "was seen to abort" in program.known_abort(chip, row_ids)
    assert program.known_abort("TPU v5", row_ids) == program.known_abort(chip, 1024) == ""
    monkeypatch.setattr(program.metadata, "version", lambda name: "later")
    assert program.known_abort(chip, row_ids) == ""


def test_the_program_is_read_from_what_libtpu_writes(tmp_path):
    assert program._dumped(tmp_path) == ""
    for name, text in {
        "a.after_optimizations": "no cycles",
        "a.after_codegen": HLO,
        "b.after_codegen": "small",
    }.items():
        (tmp_path / f"module_0000.{name}.txt").write_text(text)
    assert program._dumped(tmp_path) == HLO


def test_the_real_step_and_sampler_compile_for_the_devices_that_are_here():
    model = DecoderConfig(layers=1, width=32, heads=2, mlp=64, max_length=96, remat="mlp")
    run = DecoderRunConfig(
        model=model, train=TrainConfig(batch_size=8), sequence_length=40, pack=2, row_length=80, text_length=8
    )
    vocab = Vocab(50, 16)
    mesh = partitioning.make_mesh("", jax.devices()[:1])
    step = program.compile_step(run, vocab, mesh)
    assert step.peak_bytes > 4 * flops.parameters(model, vocab.size) and "ENTRY" in step.text
    counts = hlo.count(step.text, dict(mesh.shape))
    assert (counts.cycles, counts.kernels, counts.collectives) == (0, {}, [])
    assert program.compile_sampler(run, vocab, 16, 2, mesh).peak_bytes > 0
