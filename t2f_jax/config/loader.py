"""Config files: `get_config(arg) -> ConfigDict`, usually `base_config()` with a few values changed.

`load` reads one, applies `key=value` overrides and converts it to the dataclasses of `schema`.
"""

import ast
import dataclasses
import importlib.util
import os
import pathlib
import traceback
import types
from collections.abc import Mapping, Sequence
from typing import Any

import ml_collections

from t2f_jax import arguments
from t2f_jax.config import limits
from t2f_jax.config.schema import Config, SourceConfig
from t2f_jax.config.typed import flat_keys, from_dict, to_dict, unknown
from t2f_jax.errors import UserError, WrongArgument, nearest

_KINDS = {"get_config": "a config file", "sweep": "a sweep"}
_INSTALLED = pathlib.Path(__file__).parents[1] / "configs"  # where the wheel puts them
FOLDER = _INSTALLED if _INSTALLED.is_dir() else pathlib.Path(__file__).parents[2] / "configs"  # in a clone


def base_config() -> ml_collections.ConfigDict:
    """The defaults of `schema.Config` as a locked ConfigDict, which a config file changes."""
    return to_config_dict(Config())


def to_config_dict(config: Any) -> ml_collections.ConfigDict:
    """Converts a config dataclass to a ConfigDict (tuples stay tuples)."""
    return ml_collections.ConfigDict(dataclasses.asdict(config), type_safe=False).lock()


def source(config: ml_collections.ConfigDict, name: str, **values: Any) -> None:
    """Adds dataset `name` to `config.data.sources`; `values` are fields of SourceConfig."""
    known = [f.name for f in dataclasses.fields(SourceConfig)]
    for key in values:
        if key not in known:
            raise WrongArgument(unknown(key, known))
    sources: Any = config.data.sources  # type: ignore[union-attr]  # a ConfigDict's attributes have no types
    with sources.unlocked():
        sources[name] = dataclasses.asdict(SourceConfig(**values))


def check_argument(arg: str, *known: str) -> None:
    """Raises WrongArgument if a config's argument is neither empty (not given) nor one of the `known` ones."""
    if arg and arg not in known:
        takes = f"{' or '.join(known)}, or none" if known else "none"
        raise WrongArgument(f"the config's argument '{arg}' (after ':') is unknown; it takes {takes}")


def override(config: ml_collections.ConfigDict, overrides: str | Sequence[str]) -> None:
    """Applies one or several `key=value` strings to a ConfigDict, in order.

    A value is read as a Python literal; if it is none, it is a string. Raises WrongArgument for a wrong key and names
    the nearest one.
    """
    for item in arguments.texts("overrides", overrides):
        key, eq, text = item.partition("=")
        if not eq:
            raise WrongArgument(f"'{item}' is not an override; write key=value, such as decoder.train.steps=1000")
        known = flat_keys(config)
        group = [k for k in known if k.startswith(f"{key}.")]
        if group:
            raise WrongArgument(f"config key '{key}' is a group; name a value in it, such as {group[0]}")
        if key not in known:
            raise WrongArgument(unknown(key, known))
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):  # the last two if it is nested too deeply
            value = {"true": True, "false": False}.get(text.lower(), text)
        parent: Any = config
        for part in key.split(".")[:-1]:
            parent = parent[part]
        leaf = key.split(".")[-1]
        if isinstance(parent[leaf], str) and not isinstance(value, str):
            value = text
        with parent.ignore_type():
            parent[leaf] = value


def find(name: str) -> pathlib.Path:
    """Path of a config: a file, or the name of one in `configs/` ("quickstart"); `~` is the home folder.

    Raises:
      WrongArgument: there is none; the message names the nearest in `configs/`.
    """
    for path in (pathlib.Path(os.path.expanduser(name)), FOLDER / f"{name}.py"):
        if path.suffix == ".py" and path.is_file():
            return path
    near = nearest(name, names(), 0.6)
    hint = (
        f"the nearest is '{near}'"
        if near
        else f"give one of {', '.join(names())}, or a Python file with get_config(arg)"
    )
    raise WrongArgument(f"no config '{name}'; {hint}")


def names() -> list[str]:
    """The names of the configs in `configs/`."""
    return sorted({path.stem for path in FOLDER.glob("*.py")} - {"__init__"})


def keys(name: str) -> list[str]:
    """The dotted keys of a config in `configs/`."""
    return flat_keys(shipped(name))


def shipped(name: str, arg: str = "") -> ml_collections.ConfigDict:
    """The config in `configs/` of that name and argument, for another config to change."""
    return config_of(find(name), arg)


def load(spec: str | os.PathLike, overrides: str | Sequence[str] = ()) -> Config:
    """Reads `FILE[:ARG]`, calls its `get_config(ARG)`, applies overrides and checks the result.

    Raises:
      WrongArgument: no such file, no `get_config` in it, a wrong key, type or choice.
    """
    spec = spec if isinstance(spec, str) else str(arguments.path("spec", spec))
    name, _, arg = arguments.text("spec", spec).partition(":")
    values = config_of(find(name), arg)
    override(values, overrides)
    return narrow(values)


def narrow(values: Config | ml_collections.ConfigDict | Mapping[str, Any]) -> Config:
    """Makes a checked `Config` of named values or of a `Config` made in Python.

    It checks every key, type, choice and range, and the keys against each other.

    Raises:
      WrongArgument: a value is wrong; the message names the key.
    """
    if isinstance(values, ml_collections.ConfigDict):
        values = values.to_dict(preserve_field_references=False)
    elif isinstance(values, Config):
        values = to_dict(values)
    config = from_dict(Config, values)
    limits.check(config)
    return config


def call(path: pathlib.Path, function: str, arg: str) -> Any:
    """Returns the result of a config file's `function(arg)`. The message of an error in the file has file and line.

    Raises:
      WrongArgument: there is no such function, or the file raises an error.
    """
    module_spec = importlib.util.spec_from_file_location(f"t2f_config_{path.stem}", path)
    assert module_spec and module_spec.loader
    module = importlib.util.module_from_spec(module_spec)
    try:
        module_spec.loader.exec_module(module)
        if not isinstance(getattr(module, function, None), types.FunctionType):
            raise WrongArgument(f"{path}: {_KINDS[function]} defines {function}(arg); this one does not")
        return getattr(module, function)(arg)
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == os.path.abspath(path)]
        line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
        last = (str(error).strip().splitlines() or [""])[-1]  # a ConfigDict's error prints it first, the hint last
        where = f"{path}, line {line}" if line else str(path)
        raise WrongArgument(f"{where}: {type(error).__name__}: {last.strip()}") from error


def config_of(path: pathlib.Path, arg: str) -> ml_collections.ConfigDict:
    """The config that `get_config(arg)` of the file `path` returns. Raises WrongArgument as `call` does."""
    values = call(path, "get_config", arg)
    if not isinstance(values, ml_collections.ConfigDict):
        raise WrongArgument(
            f"{path}: get_config must return a ConfigDict, such as base_config(); it returned {values!r}"
        )
    return values
