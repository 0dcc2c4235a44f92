"""What the commands share: adding one, what it needs, and types of arguments, of which paths may be gs:// addresses."""

import argparse
import contextlib
import dataclasses
import os
import pathlib
import tempfile
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeAlias

from t2f_jax.errors import UserError
from t2f_jax.io import remote
from t2f_jax.io.files import is_empty, is_stream
from t2f_jax.io.run_folder import RunFolder

if TYPE_CHECKING:
    from etils import epath

Commands: TypeAlias = "argparse._SubParsersAction"  # what `add_subparsers` returns; it has no public name
Run = Callable[[argparse.Namespace], None]

CONFIG_HELP = (
    "a Python file with get_config(arg), or the name of one in configs/ (quickstart, faces, ...); NAME:ARG passes ARG"
)


@dataclasses.dataclass(frozen=True)
class Needs:
    """What `parser.main` arranges around a command."""

    jax: bool = True  # it computes; if not, nothing of what follows is set
    tuned: bool = True  # CPU settings, for which the program starts itself again
    many_steps: bool = False  # with `tuned`: it trains, so each core becomes a device
    programs: bool = True  # compiled programs are kept for the next start
    first_alone: bool = False  # of a job's processes the first does all the work; a TPU slice wants all of them there
    uploads: bool = True  # what it wrote for a bucket goes up when it is done; if not, it uploads by itself


def add_command(
    commands: Commands, name: str, run: Run, summary: str, detail: str = "", needs: Needs | None = None
) -> argparse.ArgumentParser:
    """Adds a command that calls `run` and returns its parser; `detail` follows the summary in its own help."""
    description = f"{summary[0].upper()}{summary[1:]}. {detail}"
    parser = commands.add_parser(name, help=summary, description=description)
    parser.set_defaults(run=run, command=parser, needs=needs or Needs())
    return parser


@dataclasses.dataclass(frozen=True)
class Readable:
    """A file or folder to read: a local path, or an address, of which a local copy is made when it is needed."""

    text: str

    def __str__(self) -> str:
        return self.text

    def path(self) -> pathlib.Path:
        """Its local path. Raises UserError if there is nothing at an address, or the bucket cannot be read."""
        return remote.fetch(self.text)


class ReadableModel(Readable):
    """A model folder to read, or the folder of a run, whose `model` is then taken."""

    def path(self) -> pathlib.Path:
        """The model folder's local path. Raises UserError as `Readable.path`."""
        inside = f"{self.text.rstrip('/')}/model"
        with remote.naming(self.text) if remote.is_remote(self.text) else contextlib.nullcontext():
            is_run = _has_config(inside) and not _has_config(self.text)
        return remote.fetch(inside) if is_run else super().path()


@dataclasses.dataclass(frozen=True)
class Writable:
    """A file or folder to write: a local path, or an address, which has a working copy until it goes up."""

    run: RunFolder
    is_folder: bool

    def __str__(self) -> str:
        return str(self.origin)

    @property
    def path(self) -> pathlib.Path:
        """Its local path."""
        return self.run.path

    @property
    def origin(self) -> "pathlib.Path | epath.Path":
        """Where it lies for everybody: what the user gave."""
        return self.run.origin()

    def file(self, flag: str) -> pathlib.Path:
        """The local path of a file, in a folder that is there. Raises UserError, naming the flag, if it is a folder."""
        with remote.naming(str(self)):
            if self.origin.is_dir():
                raise UserError(f"{self}: this is a folder; {flag} takes a file")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return self.path

    def check(self) -> None:
        """Writes a byte where the output goes, or in the nearest folder that is there. Leaves nothing behind.

        Raises:
          UserError: a file is there, or above it.
          OSError: nothing can be written there.
        """
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            os.lstat(self.path)  # raises for a name that is too long
        if self.is_folder and self.path.is_file():
            raise UserError(f"{self}: a file is there already; name a folder")
        if not self.is_folder and is_stream(self.path):
            return
        place = self.path if self.is_folder else self.path.parent
        while not os.path.lexists(place) and place != place.parent:
            place = place.parent
        if not place.is_dir():
            raise UserError(f"{self}: {place} is not a folder; name another place")
        try:
            with tempfile.TemporaryFile(dir=place) as probe:
                probe.write(b"t")
        except OSError as error:
            raise OSError(error.errno, f"{error.strerror}; name another place", str(self)) from error

    def check_apart(self, inputs: Iterable[Readable]) -> None:
        """Raises UserError if the file is one of the `inputs`, which would be lost."""
        for given in inputs if not self.is_folder and self.path.is_file() else ():
            if os.path.exists(given.text) and self.path.samefile(given.text):
                raise UserError(f"{self}: this file is read, and would be overwritten; name another place")

    def contents(self) -> str:
        """What of a command's work is there after it was stopped, for a message; "" if nothing is known."""
        if not self.is_folder:
            return "" if os.path.exists(self.path) else f"{self} was not written"
        if not os.path.isdir(self.path):
            return f"nothing is in {self}"
        steps = [path for path in self.path.glob("**/checkpoints/*") if path.name.isdecimal()]
        if steps:
            newest = max(steps, key=lambda path: (path.stat().st_mtime, int(path.name)))
            return f"the same command resumes from {newest}"
        return self.faces() or ("" if _holds_files(self.path) else f"nothing is in {self}")

    def faces(self) -> str:
        """How many faces are there, for a message; "" if none."""
        faces = sum(path.name[0] != "." and path.name != "grid.png" for path in self.path.glob("*.png"))
        return f"{faces} face{'s' * (faces != 1)} in {self}" if faces else ""

    def new_folder(self) -> pathlib.Path:
        """The local path of a folder that is written whole. Raises UserError if anything is there: it would be lost."""
        with remote.naming(str(self)):
            there = not is_empty(self.origin) if self.origin.is_dir() else self.origin.exists()
        if there:
            raise UserError(f"{self}: exists and is not an empty folder; choose another --out, or delete it")
        return self.path

    def download(self) -> pathlib.Path:
        """The local path of a folder that is there and will be changed; a bucket's is copied whole."""
        if not isinstance(self.origin, pathlib.Path):
            with remote.naming(str(self)):
                if not self.origin.is_dir():
                    raise UserError(f"{self}: there is nothing there")
        return self.run.download()


def _holds_files(folder: pathlib.Path) -> bool:
    return any(path.is_file() for path in folder.rglob("*"))


def _has_config(folder: str) -> bool:
    if not remote.is_remote(folder):
        return os.path.isfile(os.path.join(folder, "config.json"))
    return remote.address(folder).joinpath("config.json").exists()


def readable(text: str) -> Readable:
    """The argument type of what is read. `~` is the home folder."""
    return Readable(_checked(text))


def model_folder(text: str) -> ReadableModel:
    """The argument type of a model that is read. `~` is the home folder."""
    return ReadableModel(_checked(text))


def writable_folder(text: str) -> Writable:
    """The argument type of a folder that is written. `~` is the home folder."""
    return Writable(RunFolder.at(_checked(text)), is_folder=True)


def writable_file(text: str) -> Writable:
    """The argument type of a file that is written. `~` is the home folder."""
    return Writable(RunFolder.at(_checked(text)), is_folder=False)


def _checked(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("an empty path; name a file or folder ('.' is the working directory)")
    if not remote.is_remote(text):
        return os.path.expanduser(text)
    try:
        remote.address(text)
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def positive(text: str, least: int = 1) -> int:
    """The argument type of a whole number from 1 on."""
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise argparse.ArgumentTypeError(f"must be a whole number from {least} on, got '{text}'")
    return value


def natural(text: str) -> int:
    """The argument type of a whole number from 0 on."""
    return positive(text, least=0)


def tolerance(text: str) -> float:
    """The argument type of a finite number from 0 on."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number from 0 on, got '{text}'")
    return value


def add_config(parser: argparse.ArgumentParser, optional: bool = False) -> None:
    """Adds CONFIG, which is None if it is optional and not given; `add_overrides` adds the values that change it."""
    parser.add_argument("config", nargs="?" if optional else None, metavar="CONFIG", help=CONFIG_HELP)


def add_overrides(parser: argparse.ArgumentParser) -> None:
    """Adds KEY=VALUE."""
    parser.add_argument(
        "overrides", nargs="*", metavar="KEY=VALUE", help="config values, such as decoder.train.steps=500"
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    """Adds --model."""
    what = "a model folder, or the folder of the run that made it"
    parser.add_argument("--model", type=model_folder, required=True, metavar="M", help=what)


def add_out(parser: argparse.ArgumentParser, text: str) -> None:
    """Adds --out, a folder; `text` says what goes there."""
    parser.add_argument("--out", type=writable_folder, required=True, metavar="DIR", help=text)


def add_json(parser: argparse.ArgumentParser, what: str) -> None:
    """Adds --json, a file; `what` is written to it."""
    parser.add_argument("--json", type=writable_file, metavar="F", help=f"also write the {what} as JSON")
