"""The `t2f plan` command."""

import argparse
import os
import pathlib
import sys


def run(args: argparse.Namespace) -> None:
    """Prints a table for each plan, and the comparison with the plain step if that was asked for."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")  # compiles for TPUs, but runs on none
    from t2f_jax import config
    from t2f_jax.cli.describe import writable
    from t2f_jax.errors import UserError
    from t2f_jax.io.files import write_json
    from t2f_jax.plan import search as searching
    from t2f_jax.plan import step as planning
    from t2f_jax.plan import table

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    if args.search and args.hlo:
        raise UserError("--hlo is of one program, --search compiles several: plan the mesh that it finds, with --hlo")
    if args.batches and not args.search:
        raise UserError("--batches is for --search; a plan has the config's: decoder.train.batch_size=ROWS")
    writable(args.json)
    writable(args.hlo, "--hlo")
    loaded = config.load(args.config, args.overrides)
    if args.search:
        plans = searching.search(loaded, args.topology, args.slices, args.best, args.mesh, args.batches, say)
        print(searching.table(plans), end="\n\n")
    else:
        plans = [planning.plan(loaded, args.topology, args.slices, args.mesh, say=say, hlo_file=args.hlo)]
    print(table.table(plans[0]), end="\n\n")
    told = {**plans[0]}
    if args.sampler:
        told |= planning.plan_sampler(loaded, args.topology, args.slices, told["mesh"], args.sampler, say)
        spare, least = told["sampler_spare_fraction"], told["sampler_seconds_at_least"]
        print(f"sampler: {told['sampler_faces']} faces at once, {spare:.0%} of memory spare, {least:.3g} s at least")
    if args.plain:
        plain = planning.plan(loaded, args.topology, args.slices, plain=True, say=say)
        print(table.table(plain))
        told["plain"] = plain
        if told["compiler_mfu"] and plain["compiler_mfu"]:
            told["compiler_mfu_over_plain"] = told["compiler_mfu"] / plain["compiler_mfu"]
            print(f"\ncompiler MFU: {told['compiler_mfu_over_plain']:.2f} times the plain step's")
    if len(plans) > 1:
        told["others"] = plans[1:]
    if args.json:
        write_json(args.json, told)
        print(f"written: {args.json}")


def add(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `t2f plan`."""
    parser.add_argument("--topology", required=True, metavar="T", help="such as v5e:4x4, v5p:8x16x16, v6e:16x16")
    parser.add_argument("--slices", type=int, default=1, metavar="N", help="slices of that topology (1)")
    parser.add_argument(
        "--mesh", default="", metavar="M", help="such as data=4,fsdp=4 (the config's, or one that fits)"
    )
    parser.add_argument("--json", type=pathlib.Path, metavar="F", help="write the figures as JSON, too")
    parser.add_argument("--hlo", type=pathlib.Path, metavar="F", help="write the compiled program's text, too")
    parser.add_argument(
        "--sampler", type=int, default=0, metavar="B", help="compile the sampler, too, B faces a device"
    )
    parser.add_argument("--plain", action="store_true", help="the plain step beside it: padded, all logits, no kernel")
    parser.add_argument("--search", action="store_true", help="rank meshes, accumulation and remat, compile the best")
    parser.add_argument(
        "--batches", type=_sizes, default=(), metavar="R,..", help="with --search: rows of a step (the config's)"
    )
    parser.add_argument(
        "--best", type=int, default=2, metavar="N", help="with --search: how many are compiled beside the config (2)"
    )


def _sizes(text: str) -> tuple[int, ...]:
    """ "512,1024" -> (512, 1024)."""
    sizes = tuple(int(part) for part in text.split(","))
    if min(sizes) < 1:
        raise ValueError(text)
    return sizes
