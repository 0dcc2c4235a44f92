"""`t2f plan`: what a training run needs and takes on chips that nobody has rented yet."""

import dataclasses
import math
import pathlib
from collections.abc import Callable
from typing import Any

import numpy as np

from t2f_jax.config.schema import Config, DecoderRunConfig
from t2f_jax.distributed import chips, partitioning
from t2f_jax.distributed.chips import Chip
from t2f_jax.errors import UserError
from t2f_jax.models import flops
from t2f_jax.models.attention import attention_kind
from t2f_jax.plan import hlo, kernel_flops, layout, program, roofline, workload
from t2f_jax.tokens.sequence import arrays, blank
from t2f_jax.training import token_loss
from t2f_jax.training.decoder_trainer import DecoderTrainer
from t2f_jax.training.plain_trainer import PlainTrainer, plain_config

PLAIN_ROWS = 32  # rows a chip of the plain step: with more it does not fit a v5e
BYTES_A_PLACE = sum(a.itemsize for a in arrays(blank(1, 1, packed=True)).values())  # of a batch sent to the chips


def plan(
    config: Config,
    topology: str,
    slices: int = 1,
    mesh: str = "",
    plain: bool = False,
    say: Callable[[str], None] = print,
    hlo_file: pathlib.Path | None = None,
) -> dict[str, Any]:
    """Compiles the training step of a config for a topology and counts what it does.

    Args:
      mesh: as `train.mesh`; empty: the config's, or else what training would choose (`layout.chosen`).
      plain: the plain step instead (see `plain`), `PLAIN_ROWS` a chip at most.
      hlo_file: where the compiled program's text goes, if it is wanted.

    Returns:
      JSON-able figures, see `table`.

    Raises:
      UserError: an unknown topology or chip, a mesh or batch that does not fit, a step that does not compile.
    """
    devices = program.devices(topology, slices)
    chip = known(devices[0].device_kind)
    load = workload.sample(config, plain)
    run = config.decoder
    if plain:
        rows = min(PLAIN_ROWS * len(devices), run.train.batch_size * run.pack)
        run = plain_config(run, "dots")
        run = dataclasses.replace(run, train=dataclasses.replace(run.train, batch_size=rows))
    run = layout.chosen(run, load.vocab.size, devices, mesh)
    mesh = run.train.mesh
    made = partitioning.make_mesh(mesh, devices)
    partitioning.check_batch(run.train.batch_size, made)
    shape = dict(made.shape)
    how = f"{mesh}, remat {run.model.remat}, accumulate {run.accumulate}"
    say(f"compiling {'the plain step' if plain else config.name} for {slices} x {topology}, {how} (minutes) ...")
    if told := program.caution(chip.name, run.row_ids):
        say(told)
    done = program.compile_step(run, load.vocab, made, PlainTrainer if plain else DecoderTrainer)
    if hlo_file:
        hlo_file.write_text(done.text)
    counted = hlo.count(done.text, shape, live_share(run, load, shape)) if done.text else None
    return {
        "config": config.name,
        "step": "plain" if plain else "packed" if run.pack > 1 else "rows",
        "topology": topology,
        "slices": slices,
        "mesh": mesh,
        **figures(config, run, load, shape, chip, done, counted),
    }


def plan_sampler(
    config: Config, topology: str, slices: int, mesh: str, rows: int, say: Callable[[str], None] = print
) -> dict[str, Any]:
    """Compiles the sampler: `rows` faces a device at once. JSON-able figures; raises as `plan`."""
    devices = program.devices(topology, slices)
    chip, made = known(devices[0].device_kind), partitioning.make_mesh(mesh, devices)
    vocab, shape, run = workload.sample(config).vocab, dict(made.shape), config.decoder
    say(f"compiling the sampler for {slices} x {topology}, {mesh} (minutes) ...")
    codes, total = config.image.model.tokens, rows * partitioning.batch_ways(made)
    done = program.compile_sampler(run, vocab, codes, total, made)
    cycles = hlo.count(done.text, shape).cycles if done.text else None
    # The loop over ids has no number of rounds in the program: its condition looks at the ids, and its limits are data.
    weights = 2 * flops.parameters(run.model, vocab.size) / shape["tensor"]
    least = codes * weights / chip.hbm_bandwidth
    return {
        "sampler_faces": total,
        "sampler_peak_bytes_per_chip": done.peak_bytes * chip.per_chip,
        "sampler_spare_fraction": 1 - done.peak_bytes / chip.hbm_bytes,
        "sampler_seconds_at_least": least,
        "sampler_faces_per_second_at_most": total / least,
        "sampler_step_cycles": cycles,
        "sampler_compile_seconds": done.seconds,
    }


def known(device_kind: str) -> Chip:
    """The chip of that name; UserError if nothing is known of it."""
    chip = chips.find(device_kind)
    if chip is None:
        raise UserError(f"chip '{device_kind}' is unknown: peak and memory are known of {', '.join(chips.CHIPS)}")
    return chip


def figures(
    config: Config,
    run: DecoderRunConfig,
    load: workload.Workload,
    shape: dict[str, int],
    chip: Chip,
    done: program.Compiled,
    counted: hlo.Counted | None,
) -> dict[str, Any]:
    """Everything that a plan tells, from a compiled step."""
    count = math.prod(shape.values())
    pairs = run.train.batch_size * load.pairs
    step_flops = pairs * load.training_flops(run.model)
    bound = roofline.bounds(run, load, shape, chip)
    max_example_length = run.sequence_length if run.pack > 1 else 0
    in_kernels = kernel_seconds = seconds = ici = dcn = None
    expected = bound.seconds
    if counted is not None:
        ici, dcn = roofline.travel(counted.collectives, shape, chip)
        expected = max(expected, ici, dcn)
        in_kernels = sum(
            n * kernel_flops.kernel_flops(name, result, max_example_length)
            for (name, result), n in counted.kernels.items()
        )
        kernel_seconds = in_kernels / (chip.peak_flops / 2)
        if chip.clock:
            seconds = counted.cycles / chip.clock + kernel_seconds
            expected = max(expected, seconds)
    hosts, per = math.ceil(count / chip.per_host), chip.per_chip
    mfu = lambda s: step_flops / (count * chip.peak_flops * s)  # noqa: E731
    return {
        "chip": chip.name,
        "chips": count // per,
        "devices": count,
        "attention": attention_kind(run.model, run.row_ids, True) if run.model.attention != "auto" else "auto",
        "remat": run.model.remat,
        "accumulate": run.accumulate,
        "parameters": flops.parameters(run.model, load.vocab.size),
        "rows_per_step": run.train.batch_size,
        "sequences_per_step": pairs,
        "sequences_per_chip": pairs / count * per,
        "row_ids": load.row_ids,
        "ids_per_sequence": load.ids,
        "targets_per_sequence": load.targets,
        "padding_fraction": load.padding_fraction,
        "workload": load.told,
        "hbm_bytes_per_chip": int(chip.hbm_bytes) * per,
        "argument_bytes_per_chip": done.argument_bytes * per,
        "temporary_bytes_per_chip": done.temporary_bytes * per,
        "output_bytes_per_chip": done.output_bytes * per,
        "code_bytes_per_chip": done.code_bytes * per,
        "peak_bytes_per_chip": done.peak_bytes * per,
        "spare_fraction": 1 - done.peak_bytes / chip.hbm_bytes,
        "model_flops_per_step": step_flops,
        "roofline_compute_seconds": bound.compute,
        "roofline_hbm_seconds": bound.hbm,
        "roofline_interconnect_seconds": bound.ici,
        "roofline_network_seconds": bound.dcn,
        "roofline_seconds": bound.seconds,
        "roofline_mfu": mfu(bound.seconds),
        "bound": bound.bound,
        "compiler_seconds": seconds,
        "compiler_mfu": None if seconds is None else mfu(seconds),
        "clock_hz": chip.clock or None,
        "clock_source": chip.clock_source or None,
        "collective_interconnect_seconds": ici,
        "collective_network_seconds": dcn,
        "kernel_flops_per_chip": None if in_kernels is None else in_kernels * per,
        "kernel_seconds": kernel_seconds,
        "collectives": None if counted is None else [dataclasses.asdict(c) for c in counted.collectives],
        "largest_all_gather_bytes": None if counted is None else counted.largest_all_gather,
        "layer_bytes": 4 * flops.body_parameters(run.model) // run.model.layers,
        "embedding_bytes": 4 * math.ceil(load.vocab.size / run.vocab_multiple) * run.vocab_multiple * run.model.width,
        "hosts": hosts,
        "sequences_per_second": pairs / expected,
        "input_bytes_per_second_per_host": pairs / load.pairs * load.row_ids * BYTES_A_PLACE / expected / hosts,
        "input_sequences_per_second_per_host": pairs / expected / hosts,
        "step_seconds": expected,
        "steps": run.train.steps,
        "hours": run.train.steps * expected / 3600,
        "chip_hours": run.train.steps * expected / 3600 * count / per,
        "compile_seconds": done.seconds,
    }


def live_share(run: DecoderRunConfig, load: workload.Workload, shape: dict[str, int]) -> float:
    """Share of the loss's chunks that hold a target, over random batches."""
    ways = math.prod(shape.values()) // shape["tensor"]
    rows = max(run.train.batch_size // ways // run.accumulate, 1)
    places = rows * run.row_ids // shape["tensor"]
    size = token_loss.chunk_size(places)
    drawn = np.random.default_rng(0).choice(load.row_targets, (200, rows)).sum(1) / shape["tensor"]
    return float(np.ceil(drawn / size).mean() / math.ceil(places / size))
