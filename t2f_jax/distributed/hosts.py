"""The processes of one job, a host or several: how they find one another, take turns, agree, and end together.

A job of several processes is found by JAX on Cloud TPU (one slice or more), GKE, Slurm and Open MPI, or named by three
variables, `T2F_COORDINATOR` (HOST:PORT of the first process), `T2F_PROCESS_COUNT` and `T2F_PROCESS_ID` (from 0).
Nothing here happens by importing.
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

RESTART = 75  # exit code (EX_TEMPFAIL): not the user's mistake; the same command goes on from the last checkpoint
VARIABLES = ("T2F_COORDINATOR", "T2F_PROCESS_COUNT", "T2F_PROCESS_ID")
CONNECT_SECONDS = 300  # that a process waits for the others at the start; T2F_CONNECT_SECONDS
HEARTBEAT_SECONDS = 60  # without a sign of life, after which a process counts as lost; T2F_HEARTBEAT_SECONDS
WAIT_SECONDS = 7 * 86400  # that the first process may take for what it does alone

_waits = itertools.count()  # a barrier's name is used once; all processes come to the same ones in the same order


class _AlreadyAtWork(RuntimeError):
    """A program that has used JAX cannot join a job any more; one that is by itself need not."""


def join() -> None:
    """Joins this process to its job's others, if there are any. Comes before anything that touches a device.

    Raises:
      UserError: some of the variables are set and others not, or they hold no such values; the others do not come.
    """
    import jax

    if jax.distributed.is_initialized():
        return
    seconds = {
        "initialization_timeout": _whole("T2F_CONNECT_SECONDS", CONNECT_SECONDS),
        "heartbeat_timeout_seconds": _whole("T2F_HEARTBEAT_SECONDS", HEARTBEAT_SECONDS),
    }
    given = [name for name in VARIABLES if os.environ.get(name)]
    if given:
        missing = [name for name in VARIABLES if name not in given]
        if missing:
            raise UserError(f"{missing[0]} is not set, but {given[0]} is; a job of several processes needs all of them")
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
        with contextlib.suppress(_AlreadyAtWork):
            _connect(**seconds)


def _connect(*place: Any, **options: Any) -> None:
    import jax

    try:
        jax.distributed.initialize(*place, **options)
    except RuntimeError as error:
        if "must be called before" in str(error):
            raise _AlreadyAtWork("JAX is in use already; a job's processes join before anything else") from error
        text = " ".join(str(error).split())[:200]
        raise UserError(f"the job's processes did not find one another ({text}); start all of them") from error
    except ValueError as error:  # JAX knows of no cluster here: a process of its own
        if "coordinator_address" not in str(error):
            raise


def _whole(name: str, default: int, least: int = 1) -> int:
    text = os.environ.get(name) or str(default)
    if not text.isdecimal() or int(text) < least:
        raise UserError(f"{name}={text} must be a whole number from {least} on")
    return int(text)


def joined() -> bool:
    """Whether this process has joined a job. Touches no device, and does not import JAX."""
    jax = sys.modules.get("jax")
    return jax is not None and jax.distributed.is_initialized()


def many() -> bool:
    """Whether this process is one of several."""
    import jax

    return joined() and jax.process_count() > 1


def first() -> bool:
    """Whether this process writes what is written once."""
    import jax

    return jax.process_index() == 0


def wait(name: str) -> None:
    """Returns when every process has come here; `name` says where that is, to whoever looks at one that hangs.

    It may be long: the first one prepares images, say. So they wait at JAX's coordination service, which ends all when
    one is lost; a collective fails on CPUs if the others come half a minute late.
    """
    if many():
        from orbax.checkpoint import multihost

        multihost.get_barrier_sync_fn()(key=f"{name} ({next(_waits)})", timeout_ms=WAIT_SECONDS * 1000)


def in_turn(work: Callable[[], T], name: str) -> T:
    """What `work` returns, done by the first process and only then by the others, who find its files."""
    if not many():
        return work()
    result = work() if first() else None
    wait(name)
    return result if first() else work()  # type: ignore[return-value]  # the first process has its T


def alone(work: Callable[[], Any], name: str) -> None:
    """Lets the first process do `work` while the others wait."""
    if first():
        work()
    wait(name)


@contextlib.contextmanager
def alone_in(folder: pathlib.Path) -> Iterator[None]:
    """No second run in `folder` during the block, see `locks.held`; the first process sees to it, the others wait."""
    with contextlib.nullcontext() if many() and not first() else locks.held(folder):
        wait("the folder is this run's")
        yield


def all_agree(here: bool) -> bool:
    """Whether `here` is true in every process; each must ask."""
    if not many():
        return here
    import numpy as np
    from jax.experimental import multihost_utils

    return bool(np.all(multihost_utils.process_allgather(np.array(here))))


def asked_to_stop(step: int) -> bool:
    """Whether a process got SIGTERM and all of them have now reached the step after which they save and leave.

    Each process asks after each step, as JAX's preemption service needs it (`reached_preemption_sync_point`).
    """
    from jax.experimental import multihost_utils

    return many() and multihost_utils.reached_preemption_sync_point(step)


def leave(code: int, at_once: bool = False) -> NoReturn:
    """Ends the program with an exit code, and so that no other process waits for this one or is waited for.

    At a usual exit JAX says goodbye to the others, for minutes if they have gone or hang.

    Args:
      at_once: leave nobody the time to write something at the end.
    """
    if code and (joined() or at_once):
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(code)
    sys.exit(code)


def fault(error: BaseException) -> str:
    """One of several processes met what is no user's mistake: prints where, returns what to say of it."""
    import jax

    traceback.print_exception(error)
    text = " ".join(str(error).split())[:300]
    return (
        f"process {jax.process_index()} of {jax.process_count()} ends, as another one may have before"
        f" ({type(error).__name__}: {text}); the same command goes on from the last checkpoint"
    )
