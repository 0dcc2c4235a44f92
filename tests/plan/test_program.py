"""What a plan compiles is what training runs."""

import json
import os
import subprocess
import sys

import planned_step


def test_the_planned_step_is_the_step_of_a_run():
    env = {**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    meshes = ["data=8", "data=2,fsdp=2,tensor=2"]
    command = [sys.executable, planned_step.__file__, *meshes]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert results == [[mesh, {"packed": True, "plain": True}] for mesh in meshes]
