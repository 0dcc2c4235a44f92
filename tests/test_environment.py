"""What is set before JAX starts."""

import os
import subprocess
import sys

import jax
import pytest

from t2f_jax import environment

SHOW = "import os; from t2f_jax import environment; environment.{}; print(os.environ.get('{}'))"


def run(call, name, **variables):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("JAX_", "XLA_", "GLIBC", "T2F_"))}
    code = [sys.executable, "-c", SHOW.format(call, name)]
    return subprocess.run(code, env={**clean, **variables}, capture_output=True, text=True, check=True).stdout.strip()


def test_compiled_programs_are_kept_in_the_cache_folder(tmp_path):
    name = "JAX_COMPILATION_CACHE_DIR"
    assert run("keep_programs()", name, T2F_CACHE=str(tmp_path)) == str(tmp_path / "programs")
    assert run("keep_programs()", name, T2F_CACHE=str(tmp_path), **{name: "mine"}) == "mine"


@pytest.mark.skipif(environment.cores() < 2, reason="one core is one device")
def test_a_training_splits_its_batch_over_the_cores():
    devices = 1 << (min(environment.cores(), environment.MOST_CORES).bit_length() - 1)
    done = {"GLIBC_TUNABLES": environment.TUNABLES}  # else the program starts itself again
    assert run("tune(True)", "XLA_FLAGS", **done).endswith(f"device_count={devices}")
    assert run("tune(False)", "XLA_FLAGS", **done) == "None"
    assert run("tune(True)", "XLA_FLAGS", XLA_FLAGS="mine", **done) == "mine"
    assert run("tune(True)", "XLA_FLAGS", T2F_PROCESSES_HERE="1000", **done) == "None"


def test_a_platform_that_is_not_there_is_named():
    code = "import t2f_jax.environment as e\ntry: e.check_platform()\nexcept e.UserError as error: print(error)"
    variables = {**os.environ, "JAX_PLATFORMS": "nonsense"}
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("JAX_PLATFORMS=nonsense: no such device here")


def test_the_working_directory_shadows_no_module(tmp_path):
    (tmp_path / "random.py").write_text("raise SystemExit('shadowed')")
    done = subprocess.run([*environment.command(), "convert", "explain"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_versions_name_what_a_run_was_made_with():
    assert {"t2f_jax", "jax", "flax", "python", "device"} <= environment.versions().keys()


def started(**variables):
    """What a program says that starts JAX's devices in an environment."""
    code = "import t2f_jax.environment as e\ntry: e.check_platform()\nexcept e.UserError as error: print(error)"
    clean = {k: v for k, v in os.environ.items() if not k.startswith("JAX_")}
    done = subprocess.run([sys.executable, "-c", code], env=clean | variables, capture_output=True, text=True)
    return done.stdout + done.stderr


def test_a_setting_that_jax_does_not_know_is_named():
    assert started(JAX_PLATFORM_NAME="gpu").startswith("JAX_PLATFORM_NAME=gpu: no such device here")
    assert "JAX_DISABLE_JIT" in started(JAX_DISABLE_JIT="maybe").splitlines()[0]


def test_a_commands_settings_are_the_packages_own():
    for name, value in environment.ASSUMED.items():
        assert str(getattr(jax.config, f"jax_{name}")) == str(value)
    jax.config.update("jax_numpy_dtype_promotion", "strict")
    try:
        with environment.assumed_settings():
            assert (jax.numpy.int32(1) + jax.numpy.float32(1)).dtype == "float32"
        assert str(jax.config.jax_numpy_dtype_promotion) == "strict"
    finally:
        jax.config.update("jax_numpy_dtype_promotion", "standard")
