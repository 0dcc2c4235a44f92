"""Writes the pages of reference in this folder: `python docs/make.py` after a change of what they tell.

config.md   every key of a config, from the types, defaults and comments of `t2f_jax.config.schema`
python.md   what Python code calls, from signatures and docstrings
"""

import importlib
import inspect
import pathlib
from collections.abc import Callable, Iterable

import docstring_parser

from t2f_jax.config.keys import Key, all_keys

HERE = pathlib.Path(__file__).parent

PARTS = {  # of a config, by the beginning of their keys
    "": "The experiment",
    "data": "Pixels and their sources",
    "data.sources.NAME": "A dataset of the mixture, which the config calls NAME",
    "image.model": "The image tokenizer's structure",
    "image.loss": "What the image tokenizer minimizes",
    "image.optim": "The image tokenizer's optimizer",
    "image.train": "The image tokenizer's training",
    "text": "The text tokenizer",
    "decoder.model": "The decoder's structure",
    "decoder.tasks": "The mixture of tasks",
    "decoder.optim": "The decoder's optimizer",
    "decoder.train": "The decoder's training",
    "decoder": "The decoder's rows and start",
    "eval": "Evaluation, and the default sampling of faces",
}
CONFIG_HEAD = """# Every key of a config

Made by `python docs/make.py` from `t2f_jax/config/schema.py`. `t2f config NAME` shows the values of one config.

A key is set on a command line as `KEY=VALUE`, in a config file as `c.KEY = VALUE`. A key marked † may be changed when a
run goes on; with any other changed, the run is refused.
"""

CALLS = {  # module -> what of it is told, methods by `Class.method`
    "t2f_jax": ("load",),
    "t2f_jax.inference.model": tuple(
        f"Model.{name}" for name in ("generate", "complete", "vary", "caption", "captions", "analyze", "score")
    ),
    "t2f_jax.inference.face_request": ("FaceOptions",),
    "t2f_jax.inference.sampler": ("Sampler",),
    "t2f_jax.config": ("base_config", "source", "shipped", "load", "override"),
    "t2f_jax.experiments.stages": ("train", "train_tokenizer", "prepare_store"),
    "t2f_jax.data.datasets.base": ("Source", "Dataset"),
    "t2f_jax.errors": ("UserError", "WrongArgument"),
}
PYTHON_HEAD = """# What Python code calls

Made by `python docs/make.py` from signatures and docstrings. Everything else of the package is for its own use: it is
documented in the code, room by room, and may change.
"""


def config_page() -> str:
    """The page of all keys, a table for each part of a config."""
    parts = {part: [] for part in PARTS}
    for key in all_keys():
        parts[max((part for part in PARTS if f"{key.name}.".startswith(f"{part}.") or not part), key=len)].append(key)
    sections = [f"\n## {title}\n\n{_table(parts[part])}" for part, title in PARTS.items()]
    return CONFIG_HEAD + "".join(sections)


def _table(keys: Iterable[Key]) -> str:
    rows = ["| key | type and range | default | |", "| --- | --- | --- | --- |"]
    for key in keys:
        kind = ", ".join(filter(None, (key.kind, key.range)))
        default = f"`{key.default}`" if key.default != "" else "empty"
        cells = f"`{key.name}`{' †' if key.free else ''}", kind, default, key.meaning.replace("<", "&lt;")
        rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(rows) + "\n"


def python_page() -> str:
    """The page of all calls."""
    sections = []
    for module, names in CALLS.items():
        sections.append(f"\n## `{module}`\n")
        for name in names:
            value = importlib.import_module(module)
            for part in name.split("."):
                value = getattr(value, part)
            sections.append(_call(name, value))
    return PYTHON_HEAD + "".join(sections)


def _call(name: str, value: Callable) -> str:
    """Signature and docstring of a function or class."""
    told = docstring_parser.parse(inspect.getdoc(value) or "", docstring_parser.DocstringStyle.GOOGLE)
    lines = [f"\n### `{name}`\n"]
    if inspect.isfunction(value):
        lines.append(f"```text\n{name}{_signature(value)}\n```\n")
    lines += [f"{text}\n" for text in (told.short_description, told.long_description) if text]
    sections = {
        "Arguments": [p for p in told.params if p.args[0] == "param"],
        "Fields": [p for p in told.params if p.args[0] == "attribute"],
    }
    for title, found in sections.items():
        if found:
            lines.append(f"{title}:\n\n" + "".join(f"- `{p.arg_name}`: {_flat(p.description)}\n" for p in found))
    if told.returns:
        lines.append(f"Returns: {_flat(told.returns.description)}\n")
    if told.raises:
        lines.append("Raises:\n\n" + "".join(f"- `{r.type_name}`: {_flat(r.description)}\n" for r in told.raises))
    lines += [f"```python\n{example.description}\n```\n" for example in told.examples]
    return "\n".join(lines)


def _signature(function: Callable) -> str:
    """Parameters, one a line where they are long; without `self`, modules of types and quotes."""
    signature = inspect.signature(function)
    kept = [p.replace(annotation=p.empty) for p in signature.parameters.values() if p.name != "self"]
    text = str(signature.replace(parameters=kept, return_annotation=signature.empty))
    if len(text) <= 80:
        return text
    return "(\n" + "".join(f"    {p},\n" for p in map(str, kept)) + ")"


def _flat(text: str | None) -> str:
    return " ".join((text or "").split())


PAGES = {"config.md": config_page, "python.md": python_page}


def main() -> None:
    """Writes the pages."""
    for name, make in PAGES.items():
        (HERE / name).write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main()
