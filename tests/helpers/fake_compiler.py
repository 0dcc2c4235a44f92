"""A stand-in for libtpu, which is not always installed: a topology of devices, and a program in its format."""

import dataclasses

from t2f_jax.distributed import partitioning
from t2f_jax.plan import program

SPLASH_RESULT = "(bf16[2,3,256,64]{3}, f32[2,3,256,128]{3})"  # of the kernel in `HLO`
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

%costly.1 (p: f32[8,4]) -> f32[8,4] {
  ROOT %fusion.2 = f32[8,4]{1,0} fusion(%p), calls=%f.1, backend_config={"window_config":{"estimated_cycles":"1000"}}
}

%cheap.1 (p: f32[8,4]) -> f32[8,4] {
  ROOT %p = f32[8,4]{1,0} parameter(0)
}

ENTRY %main.1 (p: f32[8,4]) -> f32[8,4] {
  %while.1 = (s32[], f32[8,4]) while(%t), condition=%c.1, body=%body.1
  %cond.1 = f32[8,4]{1,0} conditional(%k, %p, %p), branch_computations={%cheap.1, %costly.1}
  %all-reduce.1 = f32[8,4]{1,0} all-reduce(%p), replica_groups={{0,4},{1,5},{2,6},{3,7}}, to_apply=%add.1
  ROOT %permute = f32[2]{0} collective-permute(%p), source_target_pairs={{0,1},{1,0}}
}
"""


class Device:
    device_kind, platform = "TPU v5 lite", "tpu"


def compiled(text=HLO, temporary_bytes=2 * 10**9):
    """A compiled program of one device."""
    return program.Compiled(text, 10**9, temporary_bytes, 0, 10**6, 1.0)


def stand_in(monkeypatch, compile_step=lambda *_: compiled(), count=8, kind="TPU v5 lite"):
    """Makes every topology `count` devices of this kind, and replaces program's `compile_step`."""
    monkeypatch.setattr(Device, "device_kind", kind)
    monkeypatch.setattr(program, "devices", lambda topology, slices: [Device()] * count)
    monkeypatch.setattr(program, "compile_step", compile_step)

    def make_mesh(spec, devices):
        sizes = {axis: 1 for axis in partitioning.AXES} | {
            k: int(v) for k, v in (p.split("=") for p in spec.split(","))
        }
        return dataclasses.make_dataclass("M", ["shape"])(sizes)

    monkeypatch.setattr(partitioning, "make_mesh", make_mesh)
