"""A plan as text."""

from typing import Any

from t2f_jax.plan import layout, program


def _compiled(p: dict[str, Any], mib: int) -> list[tuple[str, str]]:
    """The lines that the program's text tells."""
    if p["collectives"] is None:
        return [("compiler", "the program cannot be read: no estimate, collectives unknown")]
    told = f"the embedding {p['embedding_bytes'] / mib:.1f} in float32)"
    sends = (
        f"interconnect {p['collective_interconnect_seconds']:.3g} s, network {p['collective_network_seconds']:.3g} s"
    )
    rows = [
        ("collectives", f"{sends} at least, beside the rest"),
        (
            "largest gather",
            f"{p['largest_all_gather_bytes'] / mib:.1f} MiB (a layer {p['layer_bytes'] / mib:.1f}, {told}",
        ),
    ]
    if p["compiler_seconds"] is None:
        return [("compiler", "no estimate: this chip's clock is unknown"), *rows]
    estimate = (
        f"{p['compiler_seconds']:.4g} s a step (kernels {p['kernel_seconds']:.3g} s): MFU {p['compiler_mfu']:.1%}"
    )
    clock = f"a clock of {p['clock_hz'] / 1e9:.3g} GHz ({p['clock_source']})"
    return [("compiler", f"{estimate}, an estimate without communication"), ("", f"that rests on {clock}"), *rows]


def table(p: dict[str, Any]) -> str:
    """A plan's figures for people; what is a bound is called one."""
    gib, mib = 2**30, 2**20
    halves = "" if p["devices"] == p["chips"] else f" ({p['devices']} devices)"
    rows = [
        ("chips", f"{p['chips']} x {p['chip']}{halves}, mesh {p['mesh']}"),
        ("step", f"{p['step']}, remat {p['remat']}, accumulate {p['accumulate']}"),
        ("sequences", f"{p['sequences_per_step']:,} a step, {p['sequences_per_chip']:g} a chip"),
        ("row", f"{p['row_ids']} ids, {p['padding_fraction']:.1%} padding ({p['workload']})"),
        ("memory a chip", f"{p['peak_bytes_per_chip'] / gib:.2f} of {p['hbm_bytes_per_chip'] / gib:.2f} GiB, "
         f"{p['spare_fraction']:.0%} spare (state {p['argument_bytes_per_chip'] / gib:.2f}, "
         f"temporary {p['temporary_bytes_per_chip'] / gib:.2f}, code {p['code_bytes_per_chip'] / gib:.2f})"),
        *([("", f"less than {layout.SPARE:.0%} spare; {program.less(p['accumulate'], p['rows_per_step'])}")]
          if p["spare_fraction"] < layout.SPARE else []),
        ("model FLOPs", f"{p['model_flops_per_step']:.3e} a step ({p['parameters'] / 1e6:,.1f} M parameters)"),
        ("lower bounds", f"compute {p['roofline_compute_seconds']:.3g} s, HBM {p['roofline_hbm_seconds']:.3g} s, "
         f"interconnect {p['roofline_interconnect_seconds']:.3g} s, network {p['roofline_network_seconds']:.3g} s"),
        ("roofline", f"{p['roofline_seconds']:.4g} s a step at least, bound by {p['bound']}: MFU at most "
         f"{p['roofline_mfu']:.1%}"),
        *_compiled(p, mib),
        ("input", f"{p['input_sequences_per_second_per_host']:.0f} sequences a second and host "
         f"({p['input_bytes_per_second_per_host'] / mib:.1f} MiB/s, {p['hosts']} hosts)"),
        ("speed", f"{p['sequences_per_second']:,.0f} sequences a second at most"),
        ("the run", f"{p['steps']:,} steps: {p['hours']:.1f} hours, {p['chip_hours']:,.0f} chip-hours at least"),
    ]  # fmt: skip
    lines = [f"{name:15} {text}" for name, text in rows]
    for c in (p["collectives"] or [])[:8]:
        told = f"{c['kind']} over {c['axes']}: {c['count']:.0f} a step, {c['bytes'] / mib:.1f} MiB a device"
        lines.append(f"{'collective':15} {told}")
    return "\n".join(lines)
