"""`prepare` killed again and again: the store is that of a call that nothing disturbed, byte for byte."""

import os
import pathlib
import random
import subprocess
import sys
import time

import faces
import pytest
from faces import own_faces

PROGRAM = """
import pathlib, sys, time
import numpy as np
from faces import encode_stub, store_config
from t2f_jax.config.schema import SourceConfig
from t2f_jax.data import corpus, prepare, shards

corpus.SENTENCES, shards.SIZE = 300, 16
mine, out = map(pathlib.Path, sys.argv[1:])
sources = {name: SourceConfig(kind="own", folder=str(mine / name)) for name in ("one", "two")}

def encode(images):
    time.sleep(0.05)
    return encode_stub(images)

config = store_config(sources=sources, views=2, flip=True, jitter=0.1, copies="drop_leaked")
prepare.run(config, encode, "stub", out.parent / "images", out, batch=16)
"""


@pytest.mark.slow
def test_ten_kills_leave_the_store_of_an_undisturbed_call(tmp_path):
    own_faces(tmp_path / "one", 150, held_out=20)
    own_faces(tmp_path / "two", 90, held_out=10, first=170)  # the first of it are held-out faces of the other
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    path = os.pathsep.join([str(pathlib.Path(faces.__file__).parent), *sys.path])

    def start(out):
        return subprocess.Popen([sys.executable, program, tmp_path, out], env={**os.environ, "PYTHONPATH": path})

    whole, killed = tmp_path / "whole", tmp_path / "killed"
    began = time.monotonic()
    assert start(whole).wait(300) == 0
    took, rng = time.monotonic() - began, random.Random(3)
    for _ in range(10):
        running = start(killed)
        try:
            running.wait(rng.uniform(0.3, 0.9) * took)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
    assert start(killed).wait(300) == 0
    contents = [
        {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()}
        for out in (whole, killed)
    ]
    assert contents[0] == contents[1] and len(contents[0]) > 40
