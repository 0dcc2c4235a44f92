"""Planning: FLOPs by hand, what a program's text tells, memory and time by formulas, and the command."""

import dataclasses
import json
import types

import jax
import numpy as np
import pytest
from jax.experimental import topologies

from t2f_jax import cli, config
from t2f_jax.config.schema import DecoderConfig
from t2f_jax.distributed import chips, partitioning
from t2f_jax.models import attention_kernels, flops
from t2f_jax.plan import hlo, program, roofline, search, table, workload
from t2f_jax.plan import kernel_flops as plan_kernels
from t2f_jax.plan import step as plan
from t2f_jax.tokens import packing, sequence
from t2f_jax.tokens.sequence import Branch, Example
from t2f_jax.tokens.vocab import Vocab
from t2f_jax.training.decoder_trainer import count_work

HLO = """
%body.1 (p: (s32[], f32[8,4])) -> (s32[], f32[8,4]) {
  %fusion.1 = f32[8,4]{1,0} fusion(%x), kind=kLoop, calls=%f.1, x={"estimated_cycles":"100"}
  %all-gather.3 = bf16[16,4]{1,0} all-gather(%x), replica_groups=mesh['a'=2,'b'=4] {'b'}, dimensions={0}
  %splash_mha_fwd.1 = (bf16[2,3,256,64]{3}, f32[2,3,256,128]{3}) custom-call(%q), custom_call_target="tpu_custom_call"{
}
}
  ROOT %tuple.1 = (s32[], f32[8,4]) tuple(%i, %fusion.1)
}

%c.1 (p: (s32[], f32[8,4])) -> pred[] {
  %constant.1 = s32[]{:T(128)} constant(12)
  ROOT %lt.1 = pred[] compare(%g, %constant.1), direction=LT
}

%dear.1 (p: f32[8,4]) -> f32[8,4] {
  ROOT %fusion.2 = f32[8,4]{1,0} fusion(%p), calls=%f.1, backend_config={"window_config":{"estimated_cycles":"1000"}}
}

%cheap.1 (p: f32[8,4]) -> f32[8,4] {
  ROOT %p = f32[8,4]{1,0} parameter(0)
}

ENTRY %main.1 (p: f32[8,4]) -> f32[8,4] {
  %while.1 = (s32[], f32[8,4]) while(%t), condition=%c.1, body=%body.1
  %cond.1 = f32[8,4]{1,0} conditional(%k, %p, %p), branch_computations={%cheap.1, %dear.1}
  %all-reduce.1 = f32[8,4]{1,0} all-reduce(%p), replica_groups={{0,4},{1,5},{2,6},{3,7}}, to_apply=%add.1
  ROOT %permute = f32[2]{0} collective-permute(%p), source_target_pairs={{0,1},{1,0}}
}
"""


def test_loops_branches_kernels_and_collectives_are_counted():
    told = hlo.count(HLO, {"slice": 1, "data": 2, "fsdp": 4, "tensor": 1}, live=0.25)
    assert told.cycles == 12 * 100 + 0.25 * 1000
    ((name, result), times), *none = told.kernels.items()
    assert (name, times, none) == ("splash_mha_fwd.1", 12, [])
    assert plan_kernels.kernel_flops(name, result, 0) == 2 * 2 * 2 * 3 * 64 * 256**2
    alone = result.replace("[2,3,", "[3,").replace("{3}", "{2}")  # one row, and its sums beside it
    assert plan_kernels.kernel_flops(name, f"(f32[128,128], {alone})", 0) == 2 * 2 * 3 * 64 * 256**2
    found = {(c.kind, c.axes): (c.count, c.bytes) for c in told.collectives}
    assert found == {
        ("all-gather", "fsdp"): (12, 12 * 128),
        ("all-reduce", "data"): (1, 128),
        ("collective-permute", "fsdp"): (1, 8),
    }
    assert told.largest_all_gather == 128
    with pytest.raises(ValueError, match="no splash kernel"):
        plan_kernels.kernel_flops("other", result, 0)


SPREAD = """
%start.1 (p: bf16[4,8]) -> bf16[16,8] {
  %all-gather.1 = bf16[16,8]{1,0} all-gather(%p), channel_id=7, replica_groups={{0,1,2,3}}, dimensions={0}
  ROOT %c = (bf16[4,8], bf16[16,8]) custom-call(%all-gather.1), custom_call_target="AsyncCollectiveStart"
}

%async_collective_fusion.1 (p: bf16[4,8]) -> bf16[16,8] {
  ROOT %all-gather.2 = bf16[16,8]{1,0} all-gather(%p), channel_id=7, replica_groups={{0,1,2,3}}, dimensions={0}
}

%all-reduce-scatter.1 (p: bf16[16,8]) -> bf16[4,8] {
  %all-reduce.1 = bf16[16,8]{1,0} all-reduce(%p), channel_id=9, replica_groups={{0,1,2,3}}, to_apply=%add
  ROOT %dynamic-slice.1 = bf16[4,8]{1,0} dynamic-slice(%all-reduce.1, %i, %z)
}

%sparse.1 (p: f32[8]) -> f32[8] {
  ROOT %fusion.9 = f32[8]{0} fusion(%p), calls=%f.1, backend_config={"estimated_cycles":"9223372036854775807"}
}

%sum.1 (p: f32[16]) -> f32[16] {
  ROOT %all-reduce.8 = f32[16]{0} all-reduce(%p), channel_id=11, replica_groups={{0,1,2,3}}, to_apply=%add
}

%sparse.2 (p: f32[16]) -> f32[16] {
  ROOT %custom-call.8 = f32[16]{0} custom-call(%p), custom_call_target="T", called_computations={%sum.1}
}

ENTRY %main.1 (p: bf16[4,8]) -> f32[8] {
  %summed = ((), (), (s32[16384]{0:T(1024)})) async-start(), async_execution_thread="sparsecore", calls=%sparse.2
  %begun.1 = (bf16[4,8], bf16[16,8]) fusion(%p), kind=kCustom, calls=%start.1
  %fusion.1 = bf16[16,8] fusion(%p), kind=kOutput, calls=%async_collective_fusion.1, x={"estimated_cycles":"30"}
  %fusion.2 = bf16[4,8]{1,0} fusion(%fusion.1), kind=kCustom, calls=%all-reduce-scatter.1
  %send.1 = (bf16[4,8]{1,0}, u32[], token[]) send(%fusion.2, %t), _xla_megascale_transfer_type="ALL_REDUCE"
  %offloaded = ((), (), (s32[16384]{0:T(1024)})) async-start(), async_execution_thread="sparsecore", calls=%sparse.1
  %updated = ((f32[8]), f32[8], (s32[8])) async-update(%offloaded, %a, %b), output_to_operand_aliasing={{2}: (0, {2})}
  ROOT %done = f32[8]{0} async-done(%updated)
}
"""


def test_collectives_inside_fusions_between_slices_and_on_sparse_cores():
    mesh = {"slice": 2, "data": 1, "fsdp": 4, "tensor": 1}
    told = hlo.count(SPREAD, mesh)
    assert told.cycles == 30
    found = {(c.kind, c.axes): (c.count, c.bytes) for c in told.collectives}
    assert found == {
        ("all-gather", "fsdp"): (1, 256),
        ("all-reduce-scatter", "fsdp"): (1, 64),
        ("all-reduce", "slice"): (1, 64),
        ("all-reduce", "fsdp"): (1, 64),
    }
    chip = chips.CHIPS["TPU v5 lite"]
    near, far = roofline.travel(told.collectives, mesh, chip)
    assert near == pytest.approx((256 * 3 / 4 + 64 * 3 + 2 * 64 * 3 / 4) / chip.ici_bandwidth)
    assert far == pytest.approx(64 / chip.dcn_bandwidth)


def test_tiles_out_of_reach_are_not_computed():
    assert plan_kernels.tiles(1152, 334) == 7 * 384**2  # of 3 x 3
    made = attention_kernels.splash_kernel(1, 1152, 334, False)
    assert (np.asarray(made.fwd_mask_info.block_mask) > 0).sum() == 7


def test_model_flops_count_ids_targets_and_what_is_seen():
    model = DecoderConfig(layers=3, width=16, heads=2, mlp=64)
    example = Example((2, 5, 6, 3), (Branch((7,), (8, 3)), Branch((9,), (8, 8, 3))), sequence.TO_ATTRIBUTES, 1)
    batch = packing.pack([example, example], 1, 32)
    n, targets, seen = 2 * 11, 2 * 5, 2 * (4 * 4 + 3 * 4 + 6 + 4 * 4 + 10)
    wanted = 3 * (3 * (8 * 16**2 + 4 * 16 * 64) * n + 4 * 3 * 16 * seen + 2 * 40 * 16 * targets)
    told = {k: float(v) for k, v in jax.jit(lambda b: count_work(model, 40, b))(batch).items()}
    assert told == {"sequences": 2, "tokens": n, "model_flops": wanted}
    assert workload._seen(batch, "prefix") == seen
    assert flops.training(model, 40, n, targets, seen) == wanted
    large = dataclasses.replace(model, layers=64, width=8192, mlp=32768)  # its entries are more than 2^31
    counted = jax.jit(lambda n: flops.training(large, 40, n, n, n))(np.float32(2))
    assert float(counted) == pytest.approx(flops.training(large, 40, 2, 2, 2))


def test_the_papers_model_has_the_papers_parameters_and_packs():
    base = config.load("talk2face_base")
    load = workload.sample(base)
    assert flops.parameters(base.decoder.model, load.vocab.size) == 134_299_392
    assert load.padding_fraction < 0.02 and load.row_ids == 1152 and load.pairs == 4
    assert "counted as one id" in load.told


def test_the_search_ranks_what_fits():
    base, chip = config.load("talk2face_base"), chips.CHIPS["TPU v5 lite"]
    shapes = search.meshes(12, 16, 1)
    ranked = search.choices(base, workload.sample(base), shapes, chip, (512, 1024))
    assert len(shapes) == 5 + 4 + 3 and len(ranked) > 5 and [c.score for c in ranked] == sorted(c.score for c in ranked)
    assert all(c.bounds.memory < chip.hbm_bytes * 0.85 for c in ranked) and {c.rows for c in ranked} == {512, 1024}
    assert ranked[0].shape["data"] == 16  # weights that need no cutting are not cut
    tried = search.worth_compiling(ranked, ranked[3], 3)
    assert tried[:2] == [ranked[3], ranked[0]] and len({c.remat for c in tried[1:]}) == 3


class Device:
    device_kind, platform = "TPU v5 lite", "tpu"


def stand_in(monkeypatch, done, count=8, kind="TPU v5 lite"):
    """The compiler is stood in for: libtpu is not always there."""
    monkeypatch.setattr(Device, "device_kind", kind)
    monkeypatch.setattr(program, "devices", lambda topology, slices: [Device()] * count)
    monkeypatch.setattr(program, "compile_step", done)

    def make_mesh(spec, devices):
        sizes = {axis: 1 for axis in partitioning.AXES} | {
            k: int(v) for k, v in (p.split("=") for p in spec.split(","))
        }
        return dataclasses.make_dataclass("M", ["shape"])(sizes)

    monkeypatch.setattr(partitioning, "make_mesh", make_mesh)


def test_the_search_tells_the_configs_own_and_survives_what_does_not_compile(monkeypatch):
    def compile_step(run, *_):
        if run.model.remat == "dots":
            raise plan.UserError("out of memory")
        return program.Compiled(HLO if run.model.remat == "mlp" else "", 10**9, 2 * 10**9, 0, 10**6, 1.0)

    stand_in(monkeypatch, compile_step)
    said = []
    plans = search.search(config.load("talk2face_base"), "v5e:2x4", 1, best=4, say=said.append)
    assert any(line.endswith("out of memory") for line in said)
    assert plans[0]["remat"] == "mlp" and plans[-1]["compiler_seconds"] is None
    assert sum(p["own"] for p in plans) == 1 and search.table(plans).count("the config as it is") == 1
    with pytest.raises(plan.UserError, match="nothing that was tried compiles"):
        monkeypatch.setattr(search, "REMATS", ("dots",))
        search.search(config.load("talk2face_base", ["decoder.model.remat=dots"]), "v5e:2x4", 1, say=said.append)


def test_the_command_writes_what_it_prints(tmp_path, monkeypatch, capsys):
    stand_in(monkeypatch, lambda *_: program.Compiled(HLO, 10**9, 2 * 10**9, 0, 10**6, 1.0))
    cli.main(["plan", "talk2face_base", "--topology", "v5e:2x4", "--plain", "--json", str(tmp_path / "p.json")])
    told = json.loads((tmp_path / "p.json").read_text())
    for key in (
        "chips", "sequences_per_chip", "hbm_bytes_per_chip", "peak_bytes_per_chip", "spare_fraction", "collectives",
        "model_flops_per_step", "roofline_seconds", "roofline_mfu", "bound", "padding_fraction", "compiler_mfu",
        "largest_all_gather_bytes", "chip_hours", "clock_source",
    ):  # fmt: skip
        assert key in told
    assert told["chips"] == 8 and told["sequences_per_chip"] == 512 and told["plain"]["step"] == "plain"
    assert told["plain"]["padding_fraction"] > 0.1 and 0 < told["roofline_mfu"] <= 1
    assert "MFU at most" in capsys.readouterr().out


def test_two_devices_of_a_chip_are_counted_as_one(monkeypatch):
    done = program.Compiled(HLO, 10**9, 2 * 10**9, 0, 10**6, 1.0)
    plans = {}
    for kind in ("TPU7x", "TPU v5"):
        stand_in(monkeypatch, lambda *_: done, kind=kind)
        plans[kind] = plan.plan(config.load("talk2face_base"), "any:2x2", mesh="data=8", say=lambda _: None)
    halves, whole = plans["TPU7x"], plans["TPU v5"]
    assert (halves["chips"], halves["devices"], halves["hosts"]) == (4, 8, 1)
    assert (whole["chips"], whole["devices"], whole["hosts"]) == (8, 8, 2)
    assert halves["sequences_per_chip"] == 2 * whole["sequences_per_chip"]
    assert halves["peak_bytes_per_chip"] == 2 * whole["peak_bytes_per_chip"] == 2 * done.peak_bytes
    spare = 1 - halves["peak_bytes_per_chip"] / halves["hbm_bytes_per_chip"]
    assert halves["spare_fraction"] == pytest.approx(spare)
    assert halves["chip_hours"] == pytest.approx(4 * halves["hours"])
    peak = halves["model_flops_per_step"] / halves["roofline_compute_seconds"]
    assert peak == pytest.approx(4 * 2307e12)
    assert "4 x TPU7x (8 devices)" in table.table(halves) and "devices)" not in table.table(whole).splitlines()[0]


def test_too_little_memory_is_told_with_what_takes_less(monkeypatch):
    stand_in(monkeypatch, lambda *_: program.Compiled(HLO, 10**9, 14 * 2**30, 0, 10**6, 1.0))
    told = table.table(plan.plan(config.load("talk2face_base"), "v5e:2x4", mesh="data=8", say=lambda _: None))
    assert "less than 15% spare; decoder.accumulate=8, decoder.model.remat=full or decoder.train.batch_size=512" in told


def test_the_program_is_read_from_what_libtpu_writes(tmp_path):
    assert program._dumped(tmp_path) == ""
    for name, text in {
        "a.after_optimizations": "no cycles",
        "a.after_codegen": HLO,
        "b.after_codegen": "small",
    }.items():
        (tmp_path / f"module_0000.{name}.txt").write_text(text)
    assert program._dumped(tmp_path) == HLO


@pytest.mark.parametrize("flags", [["--search", "--hlo", "x"], ["--batches", "512"], ["--json", "."]])
def test_flags_that_do_not_go_together_are_told_before_compiling(flags, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["plan", "talk2face_base", "--topology", "v5e:2x4", *flags])
    assert capsys.readouterr().err.startswith("t2f: ")


def test_topologies_are_asked_for_as_machines_show_them(monkeypatch):
    asked = []

    def describe(name, platform, **options):
        asked.append((name, platform, options))
        return types.SimpleNamespace(devices=[Device()])

    monkeypatch.setattr(topologies, "get_topology_desc", describe)
    for name, slices in (("v5e:16x16", 1), ("v5e:16x16", 2), ("v4:4x4x4", 1)):
        program.devices(name, slices)
    assert [options for *_, options in asked] == [{}, {"num_slices": 2}, {"chip_config_name": "megacore"}]


def test_a_compiler_that_ends_the_process_is_told_of(monkeypatch):
    chip, version, row_ids = min(program.ABORTS)
    monkeypatch.setattr(program.util, "find_spec", lambda name: name)
    monkeypatch.setattr(program.metadata, "version", lambda name: version)
    assert "was seen to abort" in program.caution(chip, row_ids)
    assert program.caution("TPU v5", row_ids) == program.caution(chip, 1024) == ""
    monkeypatch.setattr(program.metadata, "version", lambda name: "later")
    assert program.caution(chip, row_ids) == ""


def test_unknown_chips_are_called_unknown():
    assert chips.find("cpu") is None
    with pytest.raises(plan.UserError, match="chip 'TPU v99' is unknown"):
        plan.known("TPU v99")
    with pytest.raises(plan.UserError, match="write CHIP:AxB"):
        program.devices("v5e-16")


def test_the_real_step_and_sampler_compile_for_the_devices_that_are_here():
    model = DecoderConfig(layers=1, width=32, heads=2, mlp=64, max_length=96, remat="mlp")
    run = config.DecoderRunConfig(
        model=model, train=config.TrainConfig(batch_size=8), sequence_length=40, pack=2, row_length=80, text_length=8
    )
    vocab = Vocab(50, 16)
    mesh = partitioning.make_mesh("", jax.devices()[:1])
    step = program.compile_step(run, vocab, mesh)
    assert step.peak_bytes > 4 * flops.parameters(model, vocab.size) and "ENTRY" in step.text
    told = hlo.count(step.text, dict(mesh.shape))
    assert (told.cycles, told.kernels, told.collectives) == (0, {}, [])
    assert program.compile_sampler(run, vocab, 16, 2, mesh).peak_bytes > 0
