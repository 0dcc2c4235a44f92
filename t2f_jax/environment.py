"""What is set before JAX starts: the compilation cache, and what makes this program fast on a CPU; versions."""

import os
import pathlib
import platform
import sys

from t2f_jax import __version__

SETTINGS = {
    "jax_persistent_cache_min_compile_time_secs": 0.2,  # JAX keeps what took a second; a start has many smaller ones
    "jax_persistent_cache_min_entry_size_bytes": -1,
}


def cache_folder() -> pathlib.Path:
    """$XDG_CACHE_HOME/t2f_jax/programs, in ~/.cache where that is not set."""
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(home) / "t2f_jax" / "programs"


def keep_programs() -> None:
    """Switches JAX's persistent compilation cache on, in `cache_folder`, unless the user has given it a folder.

    Programs are found again by their code, JAX's version, the compiler's flags and the machine. Another folder:
    JAX_COMPILATION_CACHE_DIR; none at all: JAX_ENABLE_COMPILATION_CACHE=false.
    """
    if "jax" not in sys.modules:  # read when it is imported
        for name, value in {"jax_compilation_cache_dir": cache_folder(), **SETTINGS}.items():
            os.environ.setdefault(name.upper(), str(value))
        return
    import jax

    if jax.config.jax_compilation_cache_dir is None:  # pyright: ignore[reportAttributeAccessIssue]
        for name, value in {"jax_compilation_cache_dir": str(cache_folder()), **SETTINGS}.items():
            jax.config.update(name, value)


TUNABLES = "glibc.malloc.hugetlb=1"
# Devices wait for one another in every step. A laptop that slept or a busy machine must not end the run: by default
# XLA aborts after 40 seconds.
CPU_FLAGS = (
    "--xla_cpu_multi_thread_eigen=false"
    " --xla_cpu_collective_call_warn_stuck_timeout_seconds=120"
    " --xla_cpu_collective_call_terminate_timeout_seconds=3600"
)
MOST_CORES = 8  # that a small model's batch is spread over


def tune(many_steps: bool) -> None:
    """Sets what makes a CPU fast, unless the user has; says nothing to TPUs and GPUs.

    Steps of small models are too short to be cut into threads: a core gains more as a device of its own, with its own
    part of the batch (0.30 s a step against 0.47 s, quickstart's decoder on two cores). And memory is taken in large
    pages: a training step takes its temporary memory anew each time, which in small pages costs a fifth of its time,
    and decoding reads all weights for every id. glibc reads that setting only at a program's start, so the program
    starts itself again.

    Args:
      many_steps: is it a training?
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    here = os.environ.get("T2F_PROCESSES_HERE", "1")  # that share them
    cores = max(1, min(cores, MOST_CORES) // int(here if here.isdecimal() and here != "0" else 1))
    devices = 1 << (cores.bit_length() - 1)
    if many_steps and "XLA_FLAGS" not in os.environ and devices > 1:
        os.environ["XLA_FLAGS"] = f"{CPU_FLAGS} --xla_force_host_platform_device_count={devices}"
    if sys.platform == "linux" and "GLIBC_TUNABLES" not in os.environ:
        os.environ["GLIBC_TUNABLES"] = TUNABLES
        os.execv(sys.executable, [sys.executable, "-m", "t2f_jax.cli", *sys.argv[1:]])


def versions() -> dict[str, str]:
    """What the run was made with: packages, Python, platform, device."""
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
