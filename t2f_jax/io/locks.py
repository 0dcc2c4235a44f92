"""Locks between processes, by `filelock`: one run in a folder, one fetch at a time.

The system releases the lock of a process that was killed. On a disk that does not support locks, there is no locking.
"""

import contextlib
import errno
import os
import pathlib
import platform
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from t2f_jax.errors import UserError
from t2f_jax.io.progress import say

if TYPE_CHECKING:
    import filelock

LOCK = ".lock"  # the locked file in a folder
HOLDER = ".lock-holder"  # who holds the lock; a separate file, because locked files cannot be read on Windows
POLL_SECONDS = 0.1
PATIENCE = 120.0  # seconds to wait for another holder: a shared disk may detect a lost host late
NOT_SUPPORTED = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL}


@contextlib.contextmanager
def held(folder: pathlib.Path, patience: float = PATIENCE) -> Iterator[None]:
    """Locks `folder` against other programs that call this, until the block or this process ends.

    Leaves nothing behind; a folder that was created for the lock and is empty is removed.

    Args:
      patience: seconds to wait for another holder.

    Raises:
      UserError: another process, on this machine or on another one that shares the disk, still holds the folder.
    """
    new = not folder.exists()
    holder = folder / HOLDER
    lock = _file_lock(folder / LOCK)
    end, waiting = time.monotonic() + patience, False
    while not _acquire(lock):
        at_work = f"{folder}: another run is using it ({_read(holder) or 'not known which'})"
        if time.monotonic() >= end:
            raise UserError(f"{at_work}; end it first, or choose another folder")
        if not waiting:
            say(f"t2f: {at_work}; waiting {patience:g} s for it to end")
        waiting = True
        time.sleep(POLL_SECONDS)
    try:
        holder.write_text(f"process {os.getpid()} on {platform.node()}\n")
        yield
    finally:
        holder.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # Windows: an open file, which `release` removes
            (folder / LOCK).unlink()
        lock.release()
        if new:
            with contextlib.suppress(OSError):  # not empty
                folder.rmdir()


@contextlib.contextmanager
def one_at_a_time(path: pathlib.Path) -> Iterator[None]:
    """Waits until no other process is in a block for the lock file `path`, which is not removed."""
    lock = _file_lock(path)
    while not _acquire(lock):
        time.sleep(POLL_SECONDS)
    try:
        yield
    finally:
        lock.release()


def _file_lock(path: pathlib.Path) -> "filelock.BaseFileLock":
    import filelock  # imported late: `t2f --help` and each command's first start need no lock

    return filelock.FileLock(path, timeout=0, fallback_to_soft=False)  # a soft lock would outlive a killed process


def _acquire(lock: "filelock.BaseFileLock") -> bool:
    """Whether the lock is ours now, or the disk has no locks; False if another process holds it. Creates the folder."""
    import filelock

    path = pathlib.Path(lock.lock_file)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        lock.acquire()
    except (filelock.Timeout, FileNotFoundError):  # not found: its last holder has just removed the folder
        return False
    except OSError as error:
        if error.errno not in NOT_SUPPORTED:
            raise
    return True


def _read(path: pathlib.Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
