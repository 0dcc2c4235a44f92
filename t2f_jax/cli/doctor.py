"""`t2f doctor`: versions, devices, memory, cache and data; what is missing, and the line that installs it."""

import argparse
import dataclasses
import shutil
import sys
import textwrap

from t2f_jax.cli import options

MARKS = {"ok": "ok", "optional": "--", "wrong": "!!"}
LEFT = 20  # columns before what is told
NARROW, WIDE = 60, 120


def add(commands: options.Commands) -> None:
    """Adds the command."""
    summary = "check versions, devices, memory, cache and data; print what is missing and how to install it"
    detail = "-- marks optional parts, !! problems that make commands fail; exit code 1 if anything is marked !!."
    sub = options.add_command(commands, "doctor", run, summary, detail, options.Needs(jax=False))
    options.add_json(sub, "findings")


def run(args: argparse.Namespace) -> None:
    """`t2f doctor`."""
    from t2f_jax import doctor
    from t2f_jax.io.files import write_json

    if args.json:
        args.json.file("--json")
    columns = min(max(shutil.get_terminal_size().columns, NARROW), WIDE)
    topics = doctor.examine()
    for topic, findings in topics.items():
        print(topic)
        for one in findings:
            head = f"  {MARKS[one.state]}  {one.name}"
            print(textwrap.fill(one.told, columns, initial_indent=f"{head:{LEFT}}", subsequent_indent=" " * LEFT))
            if one.mend:
                print(f"{' ' * LEFT}{one.mend}")  # whole, so that it can be copied
    if args.json:
        write_json(args.json.path, {k: [dataclasses.asdict(one) for one in found] for k, found in topics.items()})
    wrong = [one.name for found in topics.values() for one in found if one.state == "wrong"]
    print(f"\nwrong: {', '.join(wrong)}" if wrong else "\neverything that is required is here")
    if wrong:
        sys.exit(1)
