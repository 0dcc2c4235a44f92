"""`t2f plan --search`: ranks meshes, batches and remat policies by bounds, and compiles the best few."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from t2f_jax.config.schema import Config, DecoderRunConfig
from t2f_jax.distributed import partitioning
from t2f_jax.distributed.chips import Chip
from t2f_jax.errors import UserError
from t2f_jax.io.progress import say
from t2f_jax.plan import figures, layout, program, roofline, step, workload

REMATS = ("dots", "mlp", "attention", "full")
ACCUMULATE = (1, 2, 4, 8)
SHOWN = 10
# Assumed cost of each halving of the weights over an axis, as a share of the computation, which bounds do not include:
# products become small, and if fsdp is the only axis the compiler turns them into chains of permutes (base on v5e:4x4,
# by its own estimates: 6% MFU with fsdp=16 and 1,024 rows, 27% with data=16 and 512).
HALVING_COST = {"fsdp": 0.02, "tensor": 0.1}
OVERLAP_COST = 0.1  # share of all bounds together that is added to the largest, since not everything overlaps


@dataclasses.dataclass(frozen=True)
class Choice:
    """One way to run a step.

    Attributes:
      shape: sizes of the mesh's axes.
      rows: of a step.
    """

    shape: dict[str, int]
    rows: int
    remat: str
    accumulate: int

    @property
    def mesh(self) -> str:
        """In the syntax of `train.mesh`."""
        return layout.mesh_text(self.shape)

    def apply(self, run: DecoderRunConfig) -> DecoderRunConfig:
        """`run` with these choices."""
        return dataclasses.replace(
            run,
            accumulate=self.accumulate,
            model=dataclasses.replace(run.model, remat=self.remat),
            train=dataclasses.replace(run.train, batch_size=self.rows, mesh=self.mesh),
        )


@dataclasses.dataclass(frozen=True)
class Ranked:
    """A choice with its bounds.

    Attributes:
      score: seconds per sequence, only for ranking, see `rank`.
    """

    choice: Choice
    bounds: roofline.Bounds
    score: float

    def describe(self) -> str:
        """A line of text."""
        c = self.choice
        how = f"{c.mesh:28} rows {c.rows:5} remat {c.remat:9} accumulate {c.accumulate}"
        least = f"at least {self.bounds.seconds:.4g} s a step ({self.bounds.bound})"
        return f"  {how}  {self.bounds.memory / 2**30:5.1f} GiB  {least}"


@dataclasses.dataclass(frozen=True)
class SearchedPlan:
    """A compiled plan, and whether it is that of the unchanged config."""

    plan: figures.Plan
    own: bool

    def to_json(self) -> dict[str, Any]:
        """All figures in one dict, including `own`."""
        return {**self.plan.to_json(), "own": self.own}

    def order(self) -> tuple[bool, bool, float]:
        """Sort key of plans: spare memory first, then whether there is an estimate, then seconds per sequence."""
        late = self.plan.memory.spare_fraction < layout.SPARE, self.plan.program.compiler_seconds is None
        return *late, self.plan.speed.step_seconds / self.plan.rows.sequences_per_step


def rank(choice: Choice, config: Config, work: workload.Workload, chip: Chip) -> Ranked:
    """The choice with its bounds and score: the largest bound, including recomputation, plus both costs."""
    bounds = roofline.bounds(choice.apply(config.decoder), work, choice.shape, chip)
    compute = bounds.compute * (1 + layout.RECOMPUTE_SHARE[choice.remat] / 3)
    largest = max(compute, bounds.hbm, bounds.ici, bounds.dcn)
    halving = compute * sum(share * math.log2(choice.shape[axis]) for axis, share in HALVING_COST.items())
    seconds = largest + OVERLAP_COST * (compute + bounds.hbm + bounds.ici + bounds.dcn) + halving
    return Ranked(choice, bounds, seconds / (choice.rows * work.pairs))


def mesh_shapes(heads: int, devices: int, slices: int) -> list[dict[str, int]]:
    """Axis sizes of all meshes of powers of two; `tensor`, which sends the most, at most 8."""
    within = devices // slices
    return [
        {"slice": slices, "data": within // fsdp // tensor, "fsdp": fsdp, "tensor": tensor}
        for tensor in (1, 2, 4, 8)
        for fsdp in (2**k for k in range(13))
        if within % (fsdp * tensor) == 0 and heads % tensor == 0
    ]


def rank_all(
    config: Config,
    work: workload.Workload,
    shapes: Sequence[dict[str, int]],
    chip: Chip,
    batches: Sequence[int] = (),
) -> list[Ranked]:
    """All choices that are estimated to leave spare memory, best score first.

    Args:
      shapes: the meshes to choose from, see `mesh_shapes`.
      batches: rows of a step to choose from; empty: only the config's.
    """
    ranked = []
    for shape in shapes:
        ways = shape["slice"] * shape["data"] * shape["fsdp"]
        for rows in batches or (config.decoder.train.batch_size,):
            for accumulate in ACCUMULATE:
                if rows % (ways * accumulate) == 0:
                    ranked += [rank(Choice(shape, rows, r, accumulate), config, work, chip) for r in REMATS]
    fits = [r for r in ranked if r.bounds.memory <= (1 - layout.SPARE) * chip.hbm_bytes]
    return sorted(fits, key=lambda r: r.score)


def worth_compiling(ranked: Sequence[Ranked], own: Ranked, best: int) -> list[Choice]:
    """The config's own, then the best of each remat policy, which bounds distinguish least, then the rest."""
    others = [r for r in ranked if r.choice != own.choice]
    first = {r.choice.remat: r for r in reversed(others)}
    leaders = sorted(first.values(), key=lambda r: r.score)
    return [r.choice for r in (own, *[*leaders, *[r for r in others if r not in leaders]][:best])]


def compile_best(
    config: Config,
    topology: str,
    slices: int,
    best: int = 2,
    mesh: str = "",
    batches: Sequence[int] = (),
) -> list[SearchedPlan]:
    """Ranks all choices by their bounds and compiles the `best` (see `worth_compiling`) and the unchanged config.

    Args:
      mesh: only this mesh; empty: all.
      batches: see `rank_all`.

    Returns:
      The plans that compile, best first (see `SearchedPlan.order`).

    Raises:
      UserError: as `step.plan_step`; nothing compiles.
    """
    devices = program.devices(topology, slices)
    chip, run, work = program.chip_of(devices), config.decoder, workload.sample(config)
    shapes = mesh_shapes(run.model.heads, len(devices), slices)
    if mesh:
        shapes = [dict(partitioning.make_mesh(mesh, devices).shape)]
    ranked = rank_all(config, work, shapes, chip, batches)
    say(f"{len(ranked)} choices leave {layout.SPARE:.0%} of memory free by the estimate; the best by lower bounds:")
    for r in ranked[:SHOWN]:
        say(r.describe())
    laid_out = layout.choose(run, work.vocab.size, devices, mesh)
    shape = dict(partitioning.make_mesh(laid_out.train.mesh, devices).shape)
    own = rank(Choice(shape, run.train.batch_size, run.model.remat, laid_out.accumulate), config, work, chip)
    say(f"the config as it is:\n{own.describe()}")
    plans = []
    for c in worth_compiling(ranked, own, best):
        changed = dataclasses.replace(config, decoder=c.apply(run))
        try:
            plans.append(SearchedPlan(step.plan_step(changed, topology, slices, c.mesh), c == own.choice))
        except UserError as error:
            say(f"{c.mesh}, remat {c.remat}, accumulate {c.accumulate}: {error}")
    if not plans:
        raise UserError(f"{config.name}: nothing that was tried compiles for {slices} x {topology}; see above")
    return sorted(plans, key=SearchedPlan.order)
