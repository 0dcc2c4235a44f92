"""Descriptions of every key of a config: its type, choices and range, its default, and its meaning, from `schema`.

A key's meaning is the comment on its line in `schema`, or the comment lines right above it.
"""

import ast
import dataclasses
import inspect
import io
import textwrap
import tokenize
import typing
from collections.abc import Iterator
from typing import Any

from t2f_jax.config.schema import Config, Role
from t2f_jax.config.typed import Range, field_types, split_marks

NAME = "NAME"  # stands in a key for a name that the user chooses, such as that of a dataset


@dataclasses.dataclass(frozen=True)
class Key:
    """One key of a config.

    Attributes:
      name: dotted, as on a command line, such as "decoder.train.steps".
      kind: its type in words, such as "int" or "one of l1, l2".
      low, high: smallest and largest value; None if there is no bound, or the value is no number.
      default: plain values; tuples stay tuples.
      free: whether a resumed run may change it.
      meaning: a phrase or a few sentences.
    """

    name: str
    kind: str
    low: float | None
    high: float | None
    default: Any
    free: bool
    meaning: str

    @property
    def range(self) -> str:
        """ "1 to 65,536"; "" if there is no bound."""
        return "" if self.low is None or self.high is None else f"{_number(self.low)} to {_number(self.high)}"


def all_keys(cls: type = Config, where: str = "") -> Iterator[Key]:
    """The keys of a config dataclass and of the dataclasses inside it, in the order of `schema`.

    Args:
      where: prefix of the keys, such as "decoder.".
    """
    told = meanings(cls)
    default = cls()
    for name, hint in field_types(cls).items():
        kind, marks = split_marks(hint)
        values = typing.get_args(kind)[1] if typing.get_origin(kind) is dict else None
        if inner := next((one for one in (kind, values) if dataclasses.is_dataclass(one)), None):
            yield from all_keys(typing.cast(type, inner), f"{where}{name}.{NAME + '.' if values else ''}")
            continue
        low, high = _bounds(kind, marks)
        yield Key(where + name, _kind(kind), low, high, getattr(default, name), Role.FREE in marks, told.get(name, ""))


def meanings(cls: type) -> dict[str, str]:
    """The fields of a dataclass and of its base classes: name -> its comment."""
    found: dict[str, str] = {}
    for base in reversed([base for base in cls.__mro__ if dataclasses.is_dataclass(base)]):
        source = textwrap.dedent(inspect.getsource(base))
        comments, alone = _comments(source)
        definition = ast.parse(source).body[0]
        assert isinstance(definition, ast.ClassDef)
        for field in definition.body:
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                above = field.lineno
                while above - 1 in alone:
                    above -= 1
                lines = [*range(above, field.lineno), *range(field.lineno, (field.end_lineno or field.lineno) + 1)]
                told = " ".join(comments[line] for line in lines if line in comments)
                found[field.target.id] = _sentence(told) or found.get(field.target.id, "")
    return found


def _sentence(text: str) -> str:
    """Makes a phrase a sentence; one that begins with a choice ("ema: ...") or a quote keeps its first letter."""
    if not text:
        return ""
    first = text.split()[0]
    start = text if first.endswith(":") else text[0].upper() + text[1:]
    return start if start.endswith((".", ".)", "?")) else f"{start}."


def _comments(source: str) -> tuple[dict[int, str], set[int]]:
    """Comments by line number, from 1, without their "#"; and the numbers of the lines that are only a comment."""
    tokens = [t for t in tokenize.generate_tokens(io.StringIO(source).readline) if t.type == tokenize.COMMENT]
    comments = {token.start[0]: token.string.lstrip("# ").rstrip() for token in tokens}
    return comments, {token.start[0] for token in tokens if not token.line[: token.start[1]].strip()}


def _kind(kind: Any) -> str:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return f"one of {', '.join(args)}"
    if origin is tuple:
        return f"tuple of {_kind(split_marks(args[0])[0])}"
    return kind.__name__


def _bounds(kind: Any, marks: tuple[Any, ...]) -> tuple[float | None, float | None]:
    """Smallest and largest value; for a tuple, those of each of its values."""
    if typing.get_origin(kind) is tuple:
        kind, marks = split_marks(typing.get_args(kind)[0])
    return next(((mark.low, mark.high) for mark in marks if isinstance(mark, Range)), (None, None))


def _number(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:g}"
