"""The processes of one job, on one host or several: how they connect, take turns, agree, and end together.

JAX recognises a job of several processes on Cloud TPU (one slice or more), GKE, Slurm and Open MPI. Elsewhere three
variables describe it: `T2F_COORDINATOR` (HOST:PORT of the first process), `T2F_PROCESS_COUNT` and `T2F_PROCESS_ID`
(from 0). Importing this module has no such effects.
"""

import contextlib
import itertools
import os
import pathlib
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, TypeVar

from t2f_jax.errors import UserError
from t2f_jax.io import locks

T = TypeVar("T")

RESTART = 75  # exit code (EX_TEMPFAIL): not the user's mistake; the same command continues from the last checkpoint
VARIABLES = ("T2F_COORDINATOR", "T2F_PROCESS_COUNT", "T2F_PROCESS_ID")
CONNECT_SECONDS = 300  # how long a process waits for the others at the start (T2F_CONNECT_SECONDS)
HEARTBEAT_SECONDS = 60  # a process without a heartbeat for longer is lost (T2F_HEARTBEAT_SECONDS)
WAIT_SECONDS = 7 * 86400  # how long the others wait while the first process works alone

_waits = itertools.count()  # makes each barrier's name unique; all processes reach the same barriers in the same order


class _JaxInUse(RuntimeError):
    """A program that has already used JAX cannot join a job. A program that is the only process need not join."""


def join() -> None:
    """Connects this process to the others of its job, if there are any. Must be called before any device is used.

    Raises:
      UserError: only some of the variables are set, one has a wrong value, or the other processes do not connect.
    """
    import jax

    if jax.distributed.is_initialized():
        return
    seconds = {
        "initialization_timeout": _whole("T2F_CONNECT_SECONDS", CONNECT_SECONDS),
        "heartbeat_timeout_seconds": _whole("T2F_HEARTBEAT_SECONDS", HEARTBEAT_SECONDS),
    }
    present = [name for name in VARIABLES if os.environ.get(name)]
    if present:
        missing = [name for name in VARIABLES if name not in present]
        if missing:
            raise UserError(
                f"{missing[0]} is not set, but {present[0]} is; a job of several processes needs all of them"
            )
        count, process = _whole("T2F_PROCESS_COUNT", 1), _whole("T2F_PROCESS_ID", 0, least=0)
        if process >= count:
            raise UserError(f"T2F_PROCESS_ID={process} must be below T2F_PROCESS_COUNT={count}; the first one is 0")
        if count == 1:
            return
        coordinator = os.environ["T2F_COORDINATOR"]
        if not coordinator.rpartition(":")[2].isdecimal():
            raise UserError(f"T2F_COORDINATOR={coordinator} must be HOST:PORT, such as 10.0.0.2:8476")
        _connect(coordinator, count, process, cluster_detection_method="deactivate", **seconds)
    else:
        with contextlib.suppress(_JaxInUse):
            _connect(**seconds)


def _connect(*address: Any, **options: Any) -> None:
    """`jax.distributed.initialize`; does nothing if JAX recognises no job."""
    import jax

    try:
        jax.distributed.initialize(*address, **options)
    except RuntimeError as error:
        if "must be called before" in str(error):
            raise _JaxInUse("JAX is in use already; a job's processes join before anything else") from error
        text = " ".join(str(error).split())[:200]
        raise UserError(f"the job's processes could not connect to one another ({text}); start all of them") from error
    except ValueError as error:  # JAX recognises no job: this is the only process
        if "coordinator_address" not in str(error):
            raise


def _whole(name: str, default: int, least: int = 1) -> int:
    text = os.environ.get(name) or str(default)
    if not text.isdecimal() or int(text) < least:
        raise UserError(f"{name}={text} must be a whole number from {least} on")
    return int(text)


def joined() -> bool:
    """Whether this process has joined a job. Uses no device, and does not import JAX."""
    jax = sys.modules.get("jax")
    return jax is not None and jax.distributed.is_initialized()


def many() -> bool:
    """Whether this process is one of several."""
    import jax

    return joined() and jax.process_count() > 1


def first() -> bool:
    """Whether this is the job's first process, which writes what only one process may write."""
    import jax

    return jax.process_index() == 0


def wait(name: str) -> None:
    """Returns when every process has called this. `name` identifies the place in messages about a hanging process.

    That may take long, for example while the first process prepares images. So they wait at JAX's coordination service,
    which ends all of them if one is lost; a collective on CPUs would fail if the others came half a minute late.
    """
    if many():
        from orbax.checkpoint import multihost

        multihost.get_barrier_sync_fn()(key=f"{name} ({next(_waits)})", timeout_ms=WAIT_SECONDS * 1000)


def in_turn(work: Callable[[], T], name: str) -> T:
    """The result of `work`, which the first process does first; then the others do it and find its files."""
    if not many():
        return work()
    result = work() if first() else None
    wait(name)
    return result if first() else work()  # type: ignore[return-value]  # in the first process `result` is a T


def alone(work: Callable[[], object], name: str) -> None:
    """Lets the first process do `work` while the others wait."""
    if first():
        work()
    wait(name)


@contextlib.contextmanager
def alone_in(folder: pathlib.Path, patience: float = locks.PATIENCE) -> Iterator[None]:
    """Locks `folder` against a second run during the block; the first process holds the lock for all processes.

    Args:
      patience: seconds to wait until another run has ended.
    """
    with contextlib.nullcontext() if many() and not first() else locks.held(folder, patience):
        wait("the folder is this run's")
        yield


def all_agree(here: bool) -> bool:
    """Whether `here` is true in every process; every process must call this."""
    if not many():
        return here
    import numpy as np
    from jax.experimental import multihost_utils

    return bool(np.all(multihost_utils.process_allgather(np.array(here))))


def gather(data: bytes, name: str) -> list[bytes]:
    """The data of all processes, in their order; every process must call this. `name` as in `wait`."""
    if not many():
        return [data]
    import numpy as np
    from jax.experimental import multihost_utils

    wait(name)
    sizes = [int(size) for size in multihost_utils.process_allgather(np.array(len(data), np.int32))]
    padded = np.zeros(1 << max(max(sizes) - 1, 0).bit_length(), np.uint8)  # few sizes, since each is compiled
    padded[: len(data)] = np.frombuffer(data, np.uint8)
    rows = multihost_utils.process_allgather(padded)
    return [row[:size].tobytes() for row, size in zip(rows, sizes, strict=True)]


def stop_requested(step: int) -> bool:
    """Whether a process received SIGTERM and all processes have now reached the step after which they save and end.

    Every process must call this after every step: JAX's preemption service needs it (`reached_preemption_sync_point`).
    """
    from jax.experimental import multihost_utils

    return many() and multihost_utils.reached_preemption_sync_point(step)


def leave(code: int, at_once: bool = False) -> NoReturn:
    """Ends the program with an exit code, without waiting for the job's other processes.

    At a normal exit JAX waits for them, for minutes if they have ended or hang.

    Args:
      at_once: skip the program's exit handlers even if it is the only process.
    """
    if code and (joined() or at_once):
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(code)
    sys.exit(code)


def report_fault(error: BaseException) -> str:
    """Prints the traceback of an error that is not a user's mistake, in one of several processes; returns a message."""
    import jax

    traceback.print_exception(error)
    text = " ".join(str(error).split())[:300]
    return (
        f"process {jax.process_index()} of {jax.process_count()} ends, as another one may have before"
        f" ({type(error).__name__}: {text}); the same command resumes from the last checkpoint"
    )
