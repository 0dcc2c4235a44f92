"""`t2f plan`: estimates a training run's memory and time on chips before they are rented."""

import dataclasses
import math
import pathlib

import numpy as np

from t2f_jax.config.schema import Config, DecoderRunConfig
from t2f_jax.distributed import partitioning
from t2f_jax.distributed.chips import Chip
from t2f_jax.io.files import write_text
from t2f_jax.io.progress import say
from t2f_jax.models import flops
from t2f_jax.models.attention import attention_kind
from t2f_jax.plan import figures, hlo, kernel_flops, layout, program, roofline, workload
from t2f_jax.training import token_loss
from t2f_jax.training.decoder_trainer import DecoderTrainer
from t2f_jax.training.plain_trainer import PlainTrainer, plain_config

PLAIN_ROWS = 32  # rows per device of the plain step: more do not fit a v5e
KERNEL_SHARE = 0.5  # assumed speed of attention kernels, as a share of the peak


def plan_step(
    config: Config,
    topology: str,
    slices: int = 1,
    mesh: str = "",
    plain: bool = False,
    hlo_file: pathlib.Path | None = None,
) -> figures.Plan:
    """Compiles the training step of a config for a topology and estimates its memory and time.

    Args:
      topology: of one slice, see `program.devices`.
      mesh: as `train.mesh`; empty: the config's, or else training's choice (`layout.choose`).
      plain: the step of `PlainTrainer` instead, with at most `PLAIN_ROWS` rows per device.
      hlo_file: where to write the compiled program's text, if wanted.

    Raises:
      UserError: an unknown topology or chip, a mesh or batch that does not fit, a step that does not compile.
    """
    devices = program.devices(topology, slices)
    chip, work, run = program.chip_of(devices), workload.sample(config, plain), config.decoder
    if plain:
        rows = min(PLAIN_ROWS * len(devices), run.train.batch_size * run.pack)
        run = plain_config(run, "dots")
        run = dataclasses.replace(run, train=dataclasses.replace(run.train, batch_size=rows))
    run = layout.choose(run, work.vocab.size, devices, mesh)
    mesh = run.train.mesh
    made = partitioning.make_mesh(mesh, devices)
    partitioning.check_batch(run.train.batch_size, made)
    how = f"{mesh}, remat {run.model.remat}, accumulate {run.accumulate}"
    say(f"compiling {'the plain step' if plain else config.name} for {slices} x {topology}, {how} (minutes) ...")
    if warning := program.known_abort(chip.name, run.row_ids):
        say(warning)
    compiled = program.compile_step(run, work.vocab, made, PlainTrainer if plain else DecoderTrainer)
    if hlo_file:
        write_text(hlo_file, compiled.text)
    shape = dict(made.shape)
    counts = hlo.count(compiled.text, shape, live_share(run, work, shape)) if compiled.text else None
    kind = "plain" if plain else "packed" if run.pack > 1 else "rows"
    return _Step(config.name, kind, topology, slices, run, work, shape, chip, compiled, counts).plan()


def live_share(run: DecoderRunConfig, work: workload.Workload, shape: dict[str, int]) -> float:
    """Share of the loss's chunks that contain a target, over random batches on a mesh of these axis sizes."""
    ways = math.prod(shape.values()) // shape["tensor"]
    rows = max(run.train.batch_size // ways // run.accumulate, 1)
    places = rows * run.row_ids // shape["tensor"]
    size = token_loss.chunk_size(places)
    drawn = np.random.default_rng(0).choice(work.row_targets, (200, rows)).sum(1) / shape["tensor"]
    return float(np.ceil(drawn / size).mean() / math.ceil(places / size))


@dataclasses.dataclass(frozen=True)
class _Step:
    """A compiled step with everything that its figures are computed from.

    Attributes:
      kind: "packed", "rows" or "plain".
      shape: sizes of the mesh's axes.
      counts: None if the program's text cannot be read.
    """

    config_name: str
    kind: str
    topology: str
    slices: int
    run: DecoderRunConfig
    work: workload.Workload
    shape: dict[str, int]
    chip: Chip
    compiled: program.Compiled
    counts: hlo.Counts | None

    @property
    def devices(self) -> int:
        return math.prod(self.shape.values())

    @property
    def sequences(self) -> int:
        """Of a step."""
        return self.run.train.batch_size * self.work.pairs

    @property
    def model_flops(self) -> float:
        """Of a step."""
        return self.sequences * self.work.training_flops(self.run.model)

    def mfu(self, seconds: float) -> float:
        """Model FLOPs as a share of all devices' peak, if a step takes this many seconds."""
        return self.model_flops / (self.devices * self.chip.peak_flops * seconds)

    def plan(self) -> figures.Plan:
        bounds, counted = self.bounds(), self.program()
        return figures.Plan(self.setup(), self.rows(), self.memory(), bounds, counted, self.speed(bounds, counted))

    def setup(self) -> figures.Setup:
        model = self.run.model
        return figures.Setup(
            config=self.config_name,
            step=self.kind,
            topology=self.topology,
            slices=self.slices,
            mesh=self.run.train.mesh,
            chip=self.chip.name,
            chips=self.devices // self.chip.per_chip,
            devices=self.devices,
            attention=attention_kind(model, self.run.row_ids, True) if model.attention != "auto" else "auto",
            remat=model.remat,
            accumulate=self.run.accumulate,
            parameters=flops.parameters(model, self.work.vocab.size),
        )

    def rows(self) -> figures.Rows:
        return figures.Rows(
            rows_per_step=self.run.train.batch_size,
            sequences_per_step=self.sequences,
            sequences_per_chip=self.sequences / self.devices * self.chip.per_chip,
            row_ids=self.work.row_ids,
            ids_per_sequence=self.work.ids,
            targets_per_sequence=self.work.targets,
            padding_fraction=self.work.padding_fraction,
            workload=self.work.summary,
        )

    def memory(self) -> figures.Memory:
        compiled, per_chip = self.compiled, self.chip.per_chip
        return figures.Memory(
            hbm_bytes_per_chip=int(self.chip.hbm_bytes) * per_chip,
            argument_bytes_per_chip=compiled.argument_bytes * per_chip,
            temporary_bytes_per_chip=compiled.temporary_bytes * per_chip,
            output_bytes_per_chip=compiled.output_bytes * per_chip,
            code_bytes_per_chip=compiled.code_bytes * per_chip,
            peak_bytes_per_chip=compiled.peak_bytes * per_chip,
            spare_fraction=1 - compiled.peak_bytes / self.chip.hbm_bytes,
        )

    def bounds(self) -> figures.LowerBounds:
        bounds = roofline.bounds(self.run, self.work, self.shape, self.chip)
        return figures.LowerBounds(
            model_flops_per_step=self.model_flops,
            roofline_compute_seconds=bounds.compute,
            roofline_hbm_seconds=bounds.hbm,
            roofline_interconnect_seconds=bounds.ici,
            roofline_network_seconds=bounds.dcn,
            roofline_seconds=bounds.seconds,
            roofline_mfu=self.mfu(bounds.seconds),
            bound=bounds.bound,
        )

    def program(self) -> figures.Program:
        counts, chip, run = self.counts, self.chip, self.run
        seconds = ici = dcn = in_kernels = kernel_seconds = None
        if counts is not None:
            ici, dcn = roofline.link_seconds(counts.collectives, self.shape, chip)
            longest = run.sequence_length if run.pack > 1 else 0
            in_kernels = sum(
                times * kernel_flops.kernel_flops(name, result, longest)
                for (name, result), times in counts.kernels.items()
            )
            kernel_seconds = in_kernels / (chip.peak_flops * KERNEL_SHARE)
            if chip.clock:
                seconds = counts.cycles / chip.clock + kernel_seconds
        table_rows = math.ceil(self.work.vocab.size / run.vocab_multiple) * run.vocab_multiple
        return figures.Program(
            compiler_seconds=seconds,
            compiler_mfu=None if seconds is None else self.mfu(seconds),
            clock_hz=chip.clock or None,
            clock_source=chip.clock_source or None,
            collective_interconnect_seconds=ici,
            collective_network_seconds=dcn,
            kernel_flops_per_chip=None if in_kernels is None else in_kernels * chip.per_chip,
            kernel_seconds=kernel_seconds,
            collectives=None if counts is None else counts.collectives,
            largest_all_gather_bytes=None if counts is None else counts.largest_all_gather,
            layer_bytes=4 * flops.body_parameters(run.model) // run.model.layers,
            embedding_bytes=4 * table_rows * run.model.width,
        )

    def speed(self, bounds: figures.LowerBounds, counted: figures.Program) -> figures.Speed:
        """The speed of a step that takes the largest of all known bounds and estimates."""
        links = counted.collective_interconnect_seconds, counted.collective_network_seconds
        known = (bounds.roofline_seconds, *links, counted.compiler_seconds)
        seconds = max(s for s in known if s is not None)
        hosts = math.ceil(self.devices / self.chip.per_host)
        hours = self.run.train.steps * seconds / 3600
        return figures.Speed(
            hosts=hosts,
            sequences_per_second=self.sequences / seconds,
            input_bytes_per_second_per_host=program.batch_bytes(self.run) / seconds / hosts,
            input_sequences_per_second_per_host=self.sequences / seconds / hosts,
            step_seconds=seconds,
            steps=self.run.train.steps,
            hours=hours,
            chip_hours=hours * self.devices / self.chip.per_chip,
            compile_seconds=self.compiled.seconds,
        )
