"""What a program's text says, counted by hand."""

from fake_compiler import HLO, SPLASH_RESULT

from t2f_jax.plan import hlo

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


def test_loops_branches_kernels_and_collectives_are_counted():
    counts = hlo.count(HLO, {"slice": 1, "data": 2, "fsdp": 4, "tensor": 1}, live_share=0.25)
    assert counts.cycles == 12 * 100 + 0.25 * 1000
    assert counts.kernels == {("splash_mha_fwd.1", SPLASH_RESULT): 12}
    found = {(c.kind, c.axes): (c.count, c.bytes) for c in counts.collectives}
    assert found == {
        ("all-gather", "fsdp"): (12, 12 * 128),
        ("all-reduce", "data"): (1, 128),
        ("collective-permute", "fsdp"): (1, 8),
    }
    assert counts.largest_all_gather == 128


def test_collectives_inside_fusions_between_slices_and_on_sparse_cores():
    counts = hlo.count(SPREAD, {"slice": 2, "data": 1, "fsdp": 4, "tensor": 1})
    assert counts.cycles == 30
    found = {(c.kind, c.axes): (c.count, c.bytes) for c in counts.collectives}
    assert found == {
        ("all-gather", "fsdp"): (1, 256),
        ("all-reduce-scatter", "fsdp"): (1, 64),
        ("all-reduce", "slice"): (1, 64),
        ("all-reduce", "fsdp"): (1, 64),
    }
