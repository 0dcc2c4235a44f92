"""Runs `toy` in separate processes, and reads their records."""

import os
import subprocess
import sys

import toy

from t2f_jax.io import metrics

TIMES = ("seconds", "compile_seconds")


def start(out, *args, devices=1, **kwargs):
    flags = {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}"}
    command = [sys.executable, toy.__file__, str(out), *args]
    return subprocess.Popen(
        command, env={**os.environ, **flags}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kwargs
    )


def finish(*args, code=0, **kwargs):
    """Runs the toy; returns (last word of stdout, stderr)."""
    process = start(*args, **kwargs)
    out, err = process.communicate(timeout=300)
    assert process.returncode == code, err
    return out.strip(), err


def record(out):
    """metrics.jsonl without measured times."""
    rows = metrics.read(out / "metrics.jsonl")
    return [{k: v for k, v in row.items() if k not in TIMES} for row in rows if "goodput" not in row]
