"""The folder that a command writes: a local one, or one in a bucket (gs://...) with a working copy on this machine.

All code reads and writes files at `RunFolder.path`. `fetch` and `publish` download or upload a part of it; for a local
folder they do nothing. The address is stored beside the working copy, so it can be found from every path inside.
"""

import dataclasses
import os
import pathlib
from typing import TYPE_CHECKING

from t2f_jax.io import remote

if TYPE_CHECKING:
    from etils import epath

MARK = ".bucket"  # beside a working copy: its address in the bucket


@dataclasses.dataclass(frozen=True)
class RunFolder:
    """A folder or file that is written; `path` is local even if it belongs to a bucket."""

    path: pathlib.Path

    @classmethod
    def at(cls, text: str | os.PathLike[str]) -> "RunFolder":
        """From a local path or an address; nothing is fetched.

        Raises:
          UserError: an address that is not gs://BUCKET or below it.
        """
        text = os.fspath(text)
        if not remote.is_remote(text):
            return cls(pathlib.Path(text))
        remote.address(text)
        path = remote.cached(text, "working")
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / MARK).write_text(text.rstrip("/"))
        return cls(path)

    def origin(self, name: str = "") -> "pathlib.Path | epath.Path":
        """The public location of `name` in this folder: in the bucket, or its local path."""
        path = self.path / name
        for folder in path.parents:
            if os.path.isfile(folder / MARK):  # pathlib raises for a name that is too long
                return remote.address((folder / MARK).read_text()).joinpath(*path.relative_to(folder).parts[1:])
        return path

    def fetch(self, name: str = "") -> pathlib.Path:
        """Downloads the file or folder `name`, if there is a bucket, and returns its local path.

        A folder must have a file that marks completeness (a model, a tokenizer, a store); others are left unchanged.
        """
        path, origin = self.path / name, self.origin(name)
        if isinstance(origin, pathlib.Path):
            return path
        with remote.naming(str(origin)), remote.one_at_a_time():
            if not origin.is_dir():
                if origin.exists():
                    remote.download(origin, path)
            elif any((origin / last).exists() for last in remote.LAST) and not remote.is_current(origin, path):
                remote.download(origin, path)
        return path

    def download(self, name: str = "") -> pathlib.Path:
        """Downloads the file or folder `name`, if there is a bucket: every file is copied."""
        path, origin = self.path / name, self.origin(name)
        if not isinstance(origin, pathlib.Path):
            with remote.naming(str(origin)), remote.one_at_a_time():
                if origin.exists():
                    remote.download(origin, path)
        return path

    def publish(self, name: str = "", without: str = "") -> pathlib.Path:
        """Uploads the file or folder `name`, if it exists, and returns its local path.

        Args:
          without: name of a folder in it that is not uploaded.
        """
        path, origin = self.path / name, self.origin(name)
        if not isinstance(origin, pathlib.Path) and path.exists():
            with remote.naming(str(origin)):
                remote.upload(path, origin, without)
        return path

    def withdraw(self, name: str) -> None:
        """Deletes the folder `name` in the bucket, if there is one; the local folder stays."""
        origin = self.origin(name)
        if not isinstance(origin, pathlib.Path) and origin.exists():
            with remote.naming(str(origin)):
                origin.rmtree()
