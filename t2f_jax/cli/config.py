"""`t2f config`: every key of a config with its value and its meaning, and what differs from the defaults."""

import argparse
import ast
import pathlib
import re
import shlex
import shutil
import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from t2f_jax.cli import options

if TYPE_CHECKING:
    from t2f_jax.config.keys import Key

NARROW, WIDE = 60, 120  # of a line, in columns, where the terminal has fewer or more


def add(commands: options.Commands) -> None:
    """Adds the command."""
    summary = (
        "print every key of a config with value and meaning; * marks values that are not the default, > those given"
    )
    detail = "Without a config it lists all configs. Nothing is trained and no data is read."
    sub = options.add_command(commands, "config", run, summary, detail, options.Needs(jax=False))
    options.add_config(sub, optional=True)
    sub.add_argument("--changed", action="store_true", help="only keys that differ from the default")
    options.add_json(sub, "keys")
    options.add_overrides(sub)


def run(args: argparse.Namespace) -> None:
    """`t2f config`."""
    from t2f_jax import config
    from t2f_jax.io.files import write_json

    if args.json:
        args.json.file("--json")
    if args.config is None:
        records = _shipped()
        width = max(len(record["name"]) for record in records)
        print("\n".join(f"{record['name']:{width}}  {record['about']}" for record in records))
        print("\n`t2f config NAME` shows every key of one. A config is a Python file: copy one and change it.")
    else:
        given = {text.partition("=")[0].strip() for text in args.overrides}
        records = [
            record | {"given": record["key"] in given} for record in _records(config.load(args.config, args.overrides))
        ]
        if args.changed:
            records = [record for record in records if record["changed"] or record["given"]]
        print("\n".join(_lines(records)))
    if args.json:
        write_json(args.json.path, records)


def _shipped() -> list[dict[str, str]]:
    """Name and first sentence of every config in configs/."""
    from t2f_jax.config import loader

    def about(path: pathlib.Path) -> str:
        told = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        return re.split(r"(?<=[.:])\s", told, maxsplit=1)[0].rstrip(".:")

    return [{"name": name, "about": about(loader.find(name))} for name in loader.names()]


def _records(config: Any) -> list[dict[str, Any]]:
    """Key, value, default and meaning of every value of a config."""
    from t2f_jax.config.keys import NAME, all_keys

    records = []
    for key in all_keys():
        place, inside, rest = key.name.partition(f".{NAME}.")
        names = _value(config, place) if inside else [""]
        for name in names:
            full = f"{place}.{name}.{rest}" if inside else key.name
            records.append(_record(full, _value(config, full), key))
    return records


def _record(name: str, value: Any, key: "Key") -> dict[str, Any]:
    return {
        "key": name,
        "value": value,
        "default": key.default,
        "changed": value != key.default,
        "type": key.kind,
        "range": key.range,
        "meaning": key.meaning,
    }


def _value(config: Any, key: str) -> Any:
    for part in key.split("."):
        config = config[part] if isinstance(config, dict) else getattr(config, part)
    return config


def _lines(records: Iterable[dict[str, Any]]) -> list[str]:
    """The records as lines that a terminal shows whole; each begins with KEY=VALUE as a command line takes it."""
    columns = min(max(shutil.get_terminal_size().columns, NARROW), WIDE)
    lines = []
    for record in records:
        mark = ">" if record["given"] else "*" if record["changed"] else " "
        kind = ", ".join(filter(None, (record["type"], record["range"])))
        default = f", default {record['default'] if record['default'] != '' else 'empty'}" if record["changed"] else ""
        told = f"{record['meaning']} [{kind}{default}]"
        lines.append(mark + " " + shlex.quote(f"{record['key']}={record['value']}"))
        lines += textwrap.wrap(told, columns, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return lines
