"""Settings made before JAX starts: the compilation cache and CPU tuning. Also counts cores and collects versions."""

import contextlib
import functools
import os
import pathlib
import platform
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

from t2f_jax import __version__
from t2f_jax.errors import UserError
from t2f_jax.io import cache

SETTINGS = {
    "jax_persistent_cache_min_compile_time_secs": 0.2,  # JAX: 1; but a start compiles many small programs
    "jax_persistent_cache_min_entry_size_bytes": -1,
}


def keep_programs() -> None:
    """Switches on JAX's persistent compilation cache, in the cache folder's `programs`, unless the user has set one.

    JAX's key of a program contains its code, JAX's version, the compiler's flags and the machine. To use another
    folder, set JAX_COMPILATION_CACHE_DIR; to switch the cache off, JAX_ENABLE_COMPILATION_CACHE=false. If the cache
    folder cannot be written, the temporary folder is used; if neither can, there is no cache.
    """
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:
        folder = os.environ["JAX_COMPILATION_CACHE_DIR"]
    else:
        folder = next(filter(cache.is_usable, (cache.folder("programs"), cache.temporary() / "programs")), None)
    if folder is None:
        return
    settings = {"jax_compilation_cache_dir": str(folder), **SETTINGS}
    if "jax" not in sys.modules:  # JAX reads the variables when it is imported
        for name, value in settings.items():
            os.environ.setdefault(name.upper(), str(value))
        return
    import jax

    if jax.config.jax_compilation_cache_dir is None:  # pyright: ignore[reportAttributeAccessIssue]
        for name, value in settings.items():
            jax.config.update(name, value)


Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
_jax_process: list[int] = []  # the process in which a model was first made or used


def check_process() -> None:
    """Raises RuntimeError in a process forked from one with a model: JAX's threads are missing, so it would hang."""
    if not _jax_process:
        _jax_process.append(os.getpid())
    if _jax_process[0] != os.getpid():
        raise RuntimeError(
            "this process was forked after a model was loaded, and JAX cannot run in it; start workers by"
            " multiprocessing.get_context('spawn')"
        )


# JAX settings, all at their defaults, on which this package's numbers depend, or whether it runs at all.
ASSUMED = {
    "enable_x64": False,
    "numpy_dtype_promotion": "standard",
    "numpy_rank_promotion": "allow",
    "default_prng_impl": "threefry2x32",
    "threefry_partitionable": True,
}


def computes(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Wraps a function that runs JAX for a model: calls `check_process` and applies the `ASSUMED` settings."""

    @functools.wraps(function)
    def checked(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        import jax

        check_process()
        with contextlib.ExitStack() as settings:
            for name, value in ASSUMED.items():
                settings.enter_context(getattr(jax, name)(value))
            return function(*args, **kwargs)

    return checked


@contextlib.contextmanager
def assumed_settings() -> Iterator[None]:
    """Applies the `ASSUMED` settings to a whole command, in all its threads: configs choose the computation types."""
    settings = {f"jax_{name}": value for name, value in ASSUMED.items()}
    if "jax" not in sys.modules:
        os.environ |= {name.upper(): str(value).lower() for name, value in settings.items()}  # read by JAX's import
        yield
        return
    import jax

    before = {name: getattr(jax.config, name) for name in settings}
    for name, value in settings.items():
        jax.config.update(name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            jax.config.update(name, value)


def cores() -> int:
    """Number of CPU cores that this process may use; all of the machine's if the system does not list them."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


TUNABLES = "glibc.malloc.hugetlb=1"
# Devices wait for one another in every step. By default XLA aborts the program after 40 seconds of waiting; a laptop
# that slept, or a busy machine, must not end the run.
CPU_FLAGS = (
    "--xla_cpu_multi_thread_eigen=false"
    " --xla_cpu_collective_call_warn_stuck_timeout_seconds=120"
    " --xla_cpu_collective_call_terminate_timeout_seconds=3600"
)
MOST_CORES = 8  # a small model's batch is split over at most so many


def tune(many_steps: bool) -> None:
    """Tunes the program for CPUs, unless the user has set the variables; has no effect on TPUs and GPUs.

    Devices: a small model's step is too short to be split into threads. It is faster if each core is a device with its
    own part of the batch (0.30 s a step instead of 0.47 s, quickstart's decoder on two cores). Pages: memory is
    allocated in large pages. A training step allocates its temporary memory again each time, which takes a fifth of its
    time with small pages, and decoding reads all weights for every id. glibc reads that setting only when a program
    starts, so this program starts itself again.

    Args:
      many_steps: whether the command trains.
    """
    here = os.environ.get("T2F_PROCESSES_HERE", "1")  # processes that share the cores
    share = max(1, min(cores(), MOST_CORES) // int(here if here.isdecimal() and here != "0" else 1))
    devices = 1 << (share.bit_length() - 1)
    if many_steps and "XLA_FLAGS" not in os.environ and devices > 1:
        os.environ["XLA_FLAGS"] = f"{CPU_FLAGS} --xla_force_host_platform_device_count={devices}"
    if sys.platform == "linux" and "GLIBC_TUNABLES" not in os.environ:
        os.environ["GLIBC_TUNABLES"] = TUNABLES
        if sys.executable:  # with the interpreter's own options, and the same first entry of `sys.path`
            # Ctrl-C during Python's start prints a traceback: the signals are blocked until the command unblocks them.
            signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def command() -> list[str]:
    """The command line of this package's `t2f`; files in the working directory cannot replace its modules."""
    package = str(pathlib.Path(__file__).parents[1])
    code = f"import sys; sys.path.append({package!r}); from t2f_jax.cli import main; main()"
    options = subprocess._args_from_interpreter_flags()  # pyright: ignore[reportAttributeAccessIssue]
    return [sys.executable, *options, "-P", "-c", code]


PLATFORM_VARIABLES = ("JAX_PLATFORMS", "JAX_PLATFORM_NAME")  # the second is JAX's older one


def check_platform() -> None:
    """Starts JAX's devices.

    Raises:
      UserError: an environment variable names devices that this machine or installation lacks, or gives JAX an unknown
        setting.
    """
    try:
        import jax
    except ValueError as error:
        raise UserError(
            f"JAX does not start with this environment: {error}; correct the variable, or unset it"
        ) from error
    try:
        jax.devices()
    except (RuntimeError, AssertionError) as error:  # an assertion without a message if the plugin is not installed
        variable = next(filter(os.environ.get, PLATFORM_VARIABLES), None)
        if not variable:
            raise
        names = os.environ[variable]
        advice = "install t2f_jax[cuda], or unset it" if "cuda" in names or "gpu" in names else "unset it"
        raise UserError(f"{variable}={names}: no such device here; {advice}") from error


def versions() -> dict[str, str]:
    """Versions of the packages and of Python, the platform and the kind of device, to record with a run."""
    import flax
    import jax
    import optax

    return {
        "t2f_jax": __version__,
        "jax": jax.__version__,
        "flax": flax.__version__,
        "optax": optax.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": jax.devices()[0].device_kind,
    }
