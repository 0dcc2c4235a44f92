"""Plans as text."""

from collections.abc import Sequence

from t2f_jax.plan import figures, layout, program
from t2f_jax.plan.search import SearchedPlan

GIB, MIB = 2**30, 2**20
LISTED_COLLECTIVES = 8


def format_plan(plan: figures.Plan) -> str:
    """A plan's figures as text, one line each; bounds are labelled as such."""
    setup, rows, bounds, speed = plan.setup, plan.rows, plan.bounds, plan.speed
    halves = "" if setup.devices == setup.chips else f" ({setup.devices} devices)"
    lines = [
        ("chips", f"{setup.chips} x {setup.chip}{halves}, mesh {setup.mesh}"),
        ("step", f"{setup.step}, remat {setup.remat}, accumulate {setup.accumulate}"),
        ("sequences", f"{rows.sequences_per_step:,} a step, {rows.sequences_per_chip:g} a chip"),
        ("row", f"{rows.row_ids} ids, {rows.padding_fraction:.1%} padding ({rows.workload})"),
        *_memory_lines(plan),
        ("model FLOPs", f"{bounds.model_flops_per_step:.3e} a step ({setup.parameters / 1e6:,.1f} M parameters)"),
        ("lower bounds", f"compute {bounds.roofline_compute_seconds:.3g} s, HBM {bounds.roofline_hbm_seconds:.3g} s, "
         f"interconnect {bounds.roofline_interconnect_seconds:.3g} s, "
         f"network {bounds.roofline_network_seconds:.3g} s"),
        ("roofline", f"{bounds.roofline_seconds:.4g} s a step at least, bound by {bounds.bound}: MFU at most "
         f"{bounds.roofline_mfu:.1%}"),
        *_program_lines(plan.program),
        ("input", f"{speed.input_sequences_per_second_per_host:.0f} sequences a second and host "
         f"({speed.input_bytes_per_second_per_host / MIB:.1f} MiB/s, {speed.hosts} hosts)"),
        ("speed", f"{speed.sequences_per_second:,.0f} sequences a second at most"),
        ("the run", f"{speed.steps:,} steps: {speed.hours:.1f} hours, {speed.chip_hours:,.0f} chip-hours at least"),
    ]  # fmt: skip
    for c in (plan.program.collectives or [])[:LISTED_COLLECTIVES]:
        lines.append(("collective", f"{c.kind} over {c.axes}: {c.count:.0f} a step, {c.bytes / MIB:.1f} MiB a device"))
    return "\n".join(f"{name:15} {text}" for name, text in lines)


def format_search(plans: Sequence[SearchedPlan]) -> str:
    """Compiled plans in order, one line each."""
    lines = ["compiled, the best first:"]
    for searched in plans:
        plan = searched.plan
        how = f"{plan.setup.mesh:28} rows {plan.rows.rows_per_step:5} remat {plan.setup.remat:9}"
        mfu = "MFU unknown" if plan.program.compiler_mfu is None else f"MFU {plan.program.compiler_mfu:.1%}"
        own = "  (the config as it is)" if searched.own else ""
        lines.append(
            f"  {how} accumulate {plan.setup.accumulate}  {plan.speed.step_seconds:.4g} s a step, {mfu},"
            f" {plan.memory.spare_fraction:.0%} spare{own}"
        )
    return "\n".join(lines)


def format_sampler(plan: figures.SamplerPlan) -> str:
    """The sampler's figures as text."""
    spare, least = plan.sampler_spare_fraction, plan.sampler_seconds_at_least
    return f"sampler: {plan.sampler_faces} faces at once, {spare:.0%} of memory spare, {least:.3g} s at least"


def _memory_lines(plan: figures.Plan) -> list[tuple[str, str]]:
    memory = plan.memory
    parts = (
        f"(state {memory.argument_bytes_per_chip / GIB:.2f}, temporary {memory.temporary_bytes_per_chip / GIB:.2f}, "
        f"code {memory.code_bytes_per_chip / GIB:.2f})"
    )
    whole = f"{memory.peak_bytes_per_chip / GIB:.2f} of {memory.hbm_bytes_per_chip / GIB:.2f} GiB"
    lines = [("memory per chip", f"{whole}, {memory.spare_fraction:.0%} spare {parts}")]
    if memory.spare_fraction < layout.SPARE:
        advice = program.memory_advice(plan.setup.accumulate, plan.rows.rows_per_step)
        lines.append(("", f"less than {layout.SPARE:.0%} spare; {advice}"))
    return lines


def _program_lines(p: figures.Program) -> list[tuple[str, str]]:
    """Lines of the figures from the program's text."""
    if p.collectives is None or p.largest_all_gather_bytes is None:
        return [("compiler", "the program cannot be read: no estimate, collectives unknown")]
    sends = f"interconnect {p.collective_interconnect_seconds:.3g} s, network {p.collective_network_seconds:.3g} s"
    weights = f"a layer {p.layer_bytes / MIB:.1f}, the embedding {p.embedding_bytes / MIB:.1f} in float32"
    lines = [
        ("collectives", f"{sends} at least, beside the rest"),
        ("largest gather", f"{p.largest_all_gather_bytes / MIB:.1f} MiB ({weights})"),
    ]
    if p.compiler_seconds is None or p.clock_hz is None:
        return [("compiler", "no estimate: this chip's clock is unknown"), *lines]
    estimate = f"{p.compiler_seconds:.4g} s a step (kernels {p.kernel_seconds:.3g} s): MFU {p.compiler_mfu:.1%}"
    clock = f"a clock of {p.clock_hz / 1e9:.3g} GHz ({p.clock_source})"
    return [
        ("compiler", f"{estimate}, an estimate without communication"),
        ("", f"that rests on {clock}"),
        *lines,
    ]
