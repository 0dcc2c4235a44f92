"""`t2f plan --search`: meshes, batches and remat policies ranked by bounds, and the best few compiled."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

from t2f_jax.config.schema import Config, DecoderRunConfig
from t2f_jax.distributed import partitioning
from t2f_jax.distributed.chips import Chip
from t2f_jax.errors import UserError
from t2f_jax.plan import layout, program, roofline, workload
from t2f_jax.plan import step as planning

REMATS = ("dots", "mlp", "attention", "full")
ACCUMULATE = (1, 2, 4, 8)
SHOWN = 10
# Share of the computing that each halving of the weights over an axis is taken to cost, unseen by bounds: products
# become small, and where fsdp is the only axis the compiler makes chains of permutes of them (base on v5e:4x4, by its
# own estimates: 6% MFU with fsdp=16 and 1,024 rows, 27% with data=16 and 512).
CUTS = {"fsdp": 0.02, "tensor": 0.1}
NOTHING = roofline.Bounds(0, 0, 0, 0, 0)


@dataclasses.dataclass(frozen=True)
class Choice:
    """One way to run a step, and its bounds.

    Attributes:
      shape: sizes of the mesh's axes.
      score: seconds a pair, for ranking alone: the largest bound, with what is computed twice, a tenth of all, since
        not everything overlaps, and `CUTS`.
    """

    shape: dict[str, int]
    rows: int
    remat: str
    accumulate: int
    bounds: roofline.Bounds = NOTHING
    score: float = 0.0

    @property
    def mesh(self) -> str:
        """As `train.mesh` is written."""
        return layout.written(self.shape)

    @property
    def key(self) -> tuple[Any, ...]:
        """What makes two choices the same."""
        return self.mesh, self.rows, self.remat, self.accumulate

    def apply(self, run: DecoderRunConfig) -> DecoderRunConfig:
        """`run` with these choices."""
        return dataclasses.replace(
            run,
            accumulate=self.accumulate,
            model=dataclasses.replace(run.model, remat=self.remat),
            train=dataclasses.replace(run.train, batch_size=self.rows, mesh=self.mesh),
        )

    def line(self) -> str:
        """The choice for people."""
        how = f"{self.mesh:28} rows {self.rows:5} remat {self.remat:9} accumulate {self.accumulate}"
        least = f"at least {self.bounds.seconds:.4g} s a step ({self.bounds.bound})"
        return f"  {how}  {self.bounds.memory / 2**30:5.1f} GiB  {least}"


def judged(choice: Choice, config: Config, load: workload.Workload, chip: Chip) -> Choice:
    """The choice with its bounds and score."""
    bounds = roofline.bounds(choice.apply(config.decoder), load, choice.shape, chip)
    compute = bounds.compute * (1 + layout.AGAIN[choice.remat] / 3)
    largest = max(compute, bounds.hbm, bounds.ici, bounds.dcn)
    cuts = compute * sum(share * math.log2(choice.shape[axis]) for axis, share in CUTS.items())
    score = (largest + 0.1 * (compute + bounds.hbm + bounds.ici + bounds.dcn) + cuts) / (choice.rows * load.pairs)
    return dataclasses.replace(choice, bounds=bounds, score=score)


def meshes(heads: int, count: int, slices: int) -> list[dict[str, int]]:
    """Axis sizes of all meshes of powers of two; `tensor`, which sends the most, at most 8."""
    within = count // slices
    return [
        {"slice": slices, "data": within // fsdp // tensor, "fsdp": fsdp, "tensor": tensor}
        for tensor in (1, 2, 4, 8)
        for fsdp in (2**k for k in range(13))
        if within % (fsdp * tensor) == 0 and heads % tensor == 0
    ]


def choices(
    config: Config,
    load: workload.Workload,
    shapes: Sequence[dict[str, int]],
    chip: Chip,
    batches: Sequence[int] = (),
) -> list[Choice]:
    """All choices that leave memory spare by the estimate, the best score first.

    Args:
      shapes: the meshes to choose from, see `meshes`.
      batches: rows of a step to choose from; none: the config's.
    """
    found = []
    for shape in shapes:
        ways = shape["slice"] * shape["data"] * shape["fsdp"]
        for rows in batches or (config.decoder.train.batch_size,):
            for accumulate in ACCUMULATE:
                if rows % (ways * accumulate) == 0:
                    found += [judged(Choice(shape, rows, r, accumulate), config, load, chip) for r in REMATS]
    fits = [c for c in found if c.bounds.memory <= (1 - layout.SPARE) * chip.hbm_bytes]
    return sorted(fits, key=lambda c: c.score)


def worth_compiling(ranked: Sequence[Choice], own: Choice, best: int) -> list[Choice]:
    """The config's own, then the best of each remat policy, then the rest: bounds tell these policies apart worst."""
    others = [c for c in ranked if c.key != own.key]
    first = {c.remat: c for c in reversed(others)}
    leaders = sorted(first.values(), key=lambda c: c.score)
    return [own, *[*leaders, *[c for c in others if c not in leaders]][:best]]


def order(plan: dict[str, Any]) -> tuple[Any, ...]:
    """Compiled plans by this: those with memory to spare first, then those with an estimate, then the fastest."""
    late = plan["spare_fraction"] < layout.SPARE, plan["compiler_seconds"] is None
    return *late, plan["step_seconds"] / plan["sequences_per_step"]


def search(
    config: Config,
    topology: str,
    slices: int,
    best: int = 2,
    mesh: str = "",
    batches: Sequence[int] = (),
    say: Callable[[str], None] = print,
) -> list[dict[str, Any]]:
    """Ranks all choices by their bounds and compiles the `best` (see `worth_compiling`) and the config as it is.

    Args:
      mesh: this mesh alone; empty: all.
      batches: see `choices`.

    Returns:
      Plans of what compiles, see `order`; `own` tells the config's.

    Raises:
      UserError: as `plan.plan`; nothing fits; nothing compiles.
    """
    devices = program.devices(topology, slices)
    chip, run, load = planning.known(devices[0].device_kind), config.decoder, workload.sample(config)
    shapes = meshes(run.model.heads, len(devices), slices)
    if mesh:
        shapes = [dict(partitioning.make_mesh(mesh, devices).shape)]
    ranked = choices(config, load, shapes, chip, batches)
    say(f"{len(ranked)} choices leave {layout.SPARE:.0%} of memory by the estimate; the best by lower bounds:")
    for c in ranked[:SHOWN]:
        say(c.line())
    laid = layout.chosen(run, load.vocab.size, devices, mesh)
    shape = dict(partitioning.make_mesh(laid.train.mesh, devices).shape)
    own = judged(Choice(shape, run.train.batch_size, run.model.remat, laid.accumulate), config, load, chip)
    say(f"the config as it is:\n{own.line()}")
    plans = []
    for c in worth_compiling(ranked, own, best):
        changed = dataclasses.replace(config, decoder=c.apply(run))
        try:
            plans.append({**planning.plan(changed, topology, slices, c.mesh, say=say), "own": c.key == own.key})
        except UserError as error:
            say(f"{c.mesh}, remat {c.remat}, accumulate {c.accumulate}: {error}")
    if not plans:
        raise UserError(f"{config.name}: nothing that was tried compiles for {slices} x {topology}; see above")
    return sorted(plans, key=order)


def table(plans: Sequence[dict[str, Any]]) -> str:
    """Compiled plans in order, a line each."""
    lines = ["compiled, the best first:"]
    for p in plans:
        how = f"{p['mesh']:28} rows {p['rows_per_step']:5} remat {p['remat']:9} accumulate {p['accumulate']}"
        mfu = "MFU unknown" if p["compiler_mfu"] is None else f"MFU {p['compiler_mfu']:.1%}"
        own = "  (the config as it is)" if p["own"] else ""
        lines.append(f"  {how}  {p['step_seconds']:.4g} s a step, {mfu}, {p['spare_fraction']:.0%} spare{own}")
    return "\n".join(lines)
