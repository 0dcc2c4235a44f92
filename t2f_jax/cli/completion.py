"""`t2f completion`: what makes a shell complete `t2f` with the Tab key."""

import argparse
from collections.abc import Iterator
from typing import Any

from t2f_jax.cli import options

DETAIL = (
    "Bash: t2f completion bash > ~/.local/share/bash-completion/completions/t2f (or, for the current shell only:"
    ' eval "$(t2f completion bash)"). Zsh: t2f completion zsh > _t2f, in a folder of $fpath.'
)

# Functions of a shell that offer what no choices of argparse do: configs, and their keys.
FUNCTIONS = {
    "bash": """_t2f_configs() {{
  compgen -W "{configs}" -- "$1"
  compgen -f -X '!*.py' -- "$1"
}}
_t2f_keys() {{
  compgen -W "{keys}" -- "$1"
}}""",
    "zsh": """_t2f_configs() {{
  compadd -- {configs}
  _files -g '*.py'
}}
_t2f_keys() {{
  compadd -S '' -- {keys}
}}""",
}
# A value follows a key at once, without a space.
BASH_END = """
_t2f() {
  _shtab_t2f
  [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
  return 0
}
complete -o bashdefault -F _t2f t2f"""


def add(commands: options.Commands) -> None:
    """Adds the command."""
    summary = "print a script with which Tab completes commands, options, configs, their keys, and files"
    sub = options.add_command(commands, "completion", run, summary, DETAIL, options.Needs(jax=False))
    sub.add_argument("shell", choices=tuple(FUNCTIONS), help="the shell")


def run(args: argparse.Namespace) -> None:
    """`t2f completion`."""
    import shtab

    from t2f_jax.config import loader

    for action in _actions(args.parser):
        completed = _completed(action)
        if completed:
            action.complete = completed  # pyright: ignore[reportAttributeAccessIssue]  # where shtab looks for it
    keys = {key: None for name in loader.names() for key in loader.keys(name)}
    words = {"configs": " ".join(loader.names()), "keys": " ".join(f"{key}=" for key in keys)}
    print(shtab.complete(args.parser, args.shell, preamble=FUNCTIONS[args.shell].format(**words)))
    if args.shell == "bash":
        print(BASH_END)


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """All options and arguments of a command and of the commands below it."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from _actions(inner)
        else:
            yield action


def _completed(action: argparse.Action) -> Any:
    """By shell: what offers values of an option or argument; None where nothing does."""
    import shtab

    if action.dest == "config":
        return {shell: "_t2f_configs" for shell in FUNCTIONS}
    if action.dest == "overrides":
        return {shell: "_t2f_keys" for shell in FUNCTIONS}
    if action.type is options.writable_folder:
        return shtab.DIRECTORY
    return shtab.FILE if action.type in (options.readable, options.model_folder, options.writable_file) else None
