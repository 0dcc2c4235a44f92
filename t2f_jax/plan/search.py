"""`t2f plan --search`: meshes, batches and remat policies ranked by bounds, and the best few compiled."""

import dataclasses
from collections.abc import Callable
from typing import Any

from t2f_jax.chips import Chip
from t2f_jax.config import Config, DecoderRunConfig
from t2f_jax.plan import plan as planning
from t2f_jax.plan import program, roofline, workload

REMATS = ("dots", "mlp", "attention", "full")


@dataclasses.dataclass(frozen=True)
class Choice:
    """One way to run a step, and its bounds."""

    mesh: str
    rows: int
    remat: str
    accumulate: int
    bounds: roofline.Bounds
    score: float  # seconds a pair at least: bound plus what is computed twice

    def apply(self, run: DecoderRunConfig) -> DecoderRunConfig:
        """`run` with these choices."""
        return dataclasses.replace(
            run,
            accumulate=self.accumulate,
            model=dataclasses.replace(run.model, remat=self.remat),
            train=dataclasses.replace(run.train, batch_size=self.rows, mesh=self.mesh),
        )


def choices(config: Config, load: workload.Workload, count: int, slices: int, chip: Chip) -> list[Choice]:
    """All choices that leave memory spare by the estimate, the fastest bound first, for the config's rows."""
    run = config.decoder
    found = []
    within, rows = count // slices, run.train.batch_size
    for tensor in (1, 2, 4, 8):
        for fsdp in (2**k for k in range(13)):
            if within % (fsdp * tensor) or run.model.heads % tensor:
                continue
            shape = {"slice": slices, "data": within // fsdp // tensor, "fsdp": fsdp, "tensor": tensor}
            ways = count // tensor
            if rows % ways:
                continue
            for accumulate in (1, 2, 4, 8):
                if rows // ways % accumulate:
                    continue
                for remat in REMATS:
                    mesh = ",".join(f"{axis}={size}" for axis, size in shape.items() if size > 1)
                    choice = Choice(mesh, rows, remat, accumulate, roofline.Bounds(0, 0, 0, 0, 0), 0.0)
                    bounds = roofline.bounds(choice.apply(run), load, shape, chip)
                    if bounds.memory > (1 - planning.SPARE) * chip.hbm_bytes:
                        continue
                    again = bounds.compute * roofline.AGAIN[remat] / 3
                    overlap = max(bounds.compute + again, bounds.hbm, bounds.ici, bounds.dcn)
                    score = overlap + 0.1 * (bounds.hbm + bounds.ici + bounds.dcn)  # what overlaps badly, for ties
                    found.append(dataclasses.replace(choice, bounds=bounds, score=score))
    return sorted(found, key=lambda c: c.score)


def search(
    config: Config, topology: str, slices: int, best: int = 2, say: Callable[[str], None] = print
) -> list[dict[str, Any]]:
    """Ranks all choices by their bounds, prints the first ten, compiles the `best`; their plans, the fastest first."""
    devices = program.devices(topology, slices)
    chip = planning.known(devices[0].device_kind)
    ranked = choices(config, workload.sample(config), len(devices), slices, chip)
    say(f"{len(ranked)} choices leave {planning.SPARE:.0%} of memory by the estimate; the best by lower bounds:")
    for c in ranked[:10]:
        say(
            f"  {c.mesh:32} remat {c.remat:9} accumulate {c.accumulate}  {c.bounds.memory / 2**30:5.1f} GiB  at least"
            f" {c.bounds.seconds:.4f} s ({c.bounds.bound})"
        )
    plans = []
    for c in ranked[:best]:
        changed = dataclasses.replace(config, decoder=c.apply(config.decoder))
        plans.append(planning.plan(changed, topology, slices, c.mesh, say=say))
    return sorted(plans, key=lambda p: max(p["compiler_seconds"], p["roofline_seconds"]))
