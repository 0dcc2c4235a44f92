"""gs:// in memory, in place of Google's server."""

import re
from typing import ClassVar

from etils.epath import gpath
from fsspec.implementations.memory import MemoryFileSystem


class Bucket(MemoryFileSystem):
    """As in Google's buckets, there are no empty folders and no atomic rename."""

    protocol = ("gcs", "gs")
    store: ClassVar[dict] = {}
    pseudo_dirs: ClassVar[list] = [""]

    @classmethod
    def _strip_protocol(cls, path):
        path = re.sub(r"^(gs|gcs)://?", "", str(path))
        return ("/" + path.strip("/")) if path.strip("/") else ""


def put(path, address):
    """Copies a local file or folder into a bucket."""
    from t2f_jax.io import remote

    remote.upload(path, remote.address(address))


def install(monkeypatch, cache):
    """Puts gs:// into memory and its local copies into `cache`; returns the files as fsspec stores them."""
    monkeypatch.setattr(gpath, "_is_tf_installed", lambda: False)
    monkeypatch.setattr(gpath, "_is_zonal_gcs_bucket", lambda name: False)
    filesystem = Bucket()
    monkeypatch.setattr(type(gpath.backend_lib.fsspec_backend), "_get_filesystem", lambda self, name: filesystem)
    monkeypatch.setenv("T2F_CACHE", str(cache))
    Bucket.store.clear()
    Bucket.pseudo_dirs[:] = [""]
    return Bucket.store
