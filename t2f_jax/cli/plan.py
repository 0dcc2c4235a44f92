"""`t2f plan`: what a run needs and takes on a TPU topology, before a chip is rented."""

import argparse
import os

from t2f_jax.cli import options
from t2f_jax.errors import UserError
from t2f_jax.io.files import defined, write_json


def add(commands: options.Commands) -> None:
    """Adds the command."""
    sub = options.add_command(
        commands,
        "plan",
        run,
        "estimate memory and time of a training run on a TPU topology, before a chip is rented",
        "It compiles the real training step and prints memory, time bounds and collectives. It needs libtpu:"
        " pip install 't2f_jax[tpu]'.",
        options.Needs(programs=False),  # programs for chips that are not there cannot be read back
    )
    options.add_config(sub)
    sub.add_argument("--topology", required=True, metavar="T", help="such as v5e:4x4, v5p:8x16x16, v6e:16x16")
    sub.add_argument("--slices", type=int, default=1, metavar="N", help="slices of that topology (1)")
    what = "the mesh, such as data=4,fsdp=4 (the config's, or one that fits)"
    sub.add_argument("--mesh", default="", metavar="M", help=what)
    options.add_json(sub, "figures")
    sub.add_argument("--hlo", type=options.writable_file, metavar="F", help="also write the compiled program's text")
    what = "also compile the sampler, with B faces per device"
    sub.add_argument("--sampler", type=int, default=0, metavar="B", help=what)
    sub.add_argument("--plain", action="store_true", help="also compile a plain step: padded, all logits, no kernel")
    sub.add_argument("--search", action="store_true", help="rank meshes, accumulation and remat, and compile the best")
    what = "with --search: rows per step to try (the config's)"
    sub.add_argument("--batches", type=_sizes, default=(), metavar="R,..", help=what)
    what = "with --search: how many to compile besides the config (2)"
    sub.add_argument("--best", type=int, default=2, metavar="N", help=what)
    options.add_overrides(sub)


def run(args: argparse.Namespace) -> None:
    """Prints a table for each plan, and the comparison with the plain step if that was asked for."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")  # compiles for TPUs, but runs on none
    from t2f_jax import config
    from t2f_jax.plan import search, table
    from t2f_jax.plan.sampler import plan_sampler
    from t2f_jax.plan.step import plan_step

    if args.search and args.hlo:
        raise UserError("--hlo writes one program, --search compiles several; plan the mesh that it finds with --hlo")
    if args.batches and not args.search:
        raise UserError("--batches is for --search; without it set decoder.train.batch_size=ROWS")
    json_file = args.json.file("--json") if args.json else None
    hlo_file = args.hlo.file("--hlo") if args.hlo else None
    loaded = config.load(args.config, args.overrides)
    others = []
    if args.search:
        best, *others = search.compile_best(loaded, args.topology, args.slices, args.best, args.mesh, args.batches)
        print(table.format_search([best, *others]), end="\n\n")
        plan, figures = best.plan, best.to_json()
    else:
        plan = plan_step(loaded, args.topology, args.slices, args.mesh, hlo_file=hlo_file)
        figures = plan.to_json()
    print(table.format_plan(plan), end="\n\n")
    if args.sampler:
        sampler = plan_sampler(loaded, args.topology, args.slices, plan.setup.mesh, args.sampler)
        print(table.format_sampler(sampler))
        figures |= sampler.to_json()
    if args.plain:
        plain = plan_step(loaded, args.topology, args.slices, plain=True)
        print(table.format_plan(plain))
        figures["plain"] = plain.to_json()
        if plan.program.compiler_mfu and plain.program.compiler_mfu:
            ratio = figures["compiler_mfu_over_plain"] = plan.program.compiler_mfu / plain.program.compiler_mfu
            print(f"\ncompiler MFU: {ratio:.2f} times the plain step's")
    if others:
        figures["others"] = [other.to_json() for other in others]
    if json_file:
        write_json(json_file, defined(figures))
        print(f"written: {args.json}")


def _sizes(text: str) -> tuple[int, ...]:
    """ "512,1024" -> (512, 1024)."""
    return tuple(options.positive(part) for part in text.split(","))
