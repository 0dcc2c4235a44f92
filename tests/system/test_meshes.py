"""Eight simulated devices in several meshes give one device's losses; the step and the sampler lower for CUDA, too."""

import json
import os
import pathlib
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

from t2f_jax.config.schema import DecoderConfig, DecoderRunConfig, TrainConfig
from t2f_jax.inference import decoding, engine, grammar
from t2f_jax.inference.sampler import Sampler
from t2f_jax.models.decoder import Decoder
from t2f_jax.models.params import init_decoder
from t2f_jax.tokens.vocab import Vocab
from t2f_jax.training.decoder_trainer import DecoderTrainer

VOCAB = Vocab(50, 16)


def losses(steps, *meshes):
    """{mesh: its losses} on eight devices; "one" is a single one."""
    program = pathlib.Path(__file__).parents[1] / "helpers" / "meshes.py"
    env = {**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    command = [sys.executable, str(program), str(steps), *meshes, "one"]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(json.loads(line) for line in done.stdout.splitlines())


def test_a_mesh_of_all_axes_gives_the_losses_of_one_device():
    told = losses(3, "slice=2,fsdp=2,tensor=2")
    np.testing.assert_allclose(told["slice=2,fsdp=2,tensor=2"], told["one"], rtol=1e-5)


@pytest.mark.slow
def test_five_meshes_give_the_same_losses_over_twenty_steps():
    told = losses(20, "data=8", "data=2,fsdp=4", "data=2,fsdp=2,tensor=2", "slice=2,fsdp=4")
    assert len(told) == 5 and len(told["one"]) == 20
    for values in told.values():
        np.testing.assert_allclose(values, told["one"], rtol=1e-5)
    assert told["one"][-1] < told["one"][0]


@pytest.mark.parametrize(("attention", "dtype"), [("auto", "float32"), ("cudnn", "bfloat16")])
def test_the_training_step_lowers_for_cuda(attention, dtype, monkeypatch):
    from jax._src.cudnn import fused_attention_stablehlo as fused

    monkeypatch.setattr(fused, "check_cudnn_version", lambda: 91000)  # asked of a library that only a GPU has
    monkeypatch.setattr(fused, "check_compute_capability", lambda _: True)
    model = DecoderConfig(layers=1, width=128, heads=2, mlp=128, max_length=128, attention=attention, remat="attention")
    run = DecoderRunConfig(
        model=model, train=TrainConfig(compute_dtype=dtype), sequence_length=64, pack=2, row_length=128
    )
    trainer = DecoderTrainer(run, VOCAB)
    state = jax.eval_shape(lambda: trainer.init(jax.random.key(0)))
    names = ("tokens", "targets", "segments", "positions", "task", "documents")
    batch = {name: jax.ShapeDtypeStruct((4, 128), jnp.int32) for name in names}
    batch["weights"] = jax.ShapeDtypeStruct((4, 128), jnp.float32)
    step = jax.jit(lambda s, b: trainer.step(s, b, jax.random.fold_in(jax.random.key(0), s.step)))
    allowed = [
        export.DisabledSafetyCheck.custom_call(f"__cudnn$fmha{name}")
        for name in ("ScaleBiasSoftmax", "ScaleBiasSoftmaxBackward", "Softmax", "SoftmaxBackward")
    ]
    told = export.export(step, platforms=["cuda"], disabled_checks=allowed)(state, batch).mlir_module()
    assert ("__cudnn$fmha" in told) == (attention == "cudnn")


def test_the_sampler_lowers_for_cuda():
    decoder = Decoder(DecoderConfig(layers=1, width=32, heads=2, mlp=64, max_length=64), VOCAB.size)
    params = jax.jit(init_decoder, static_argnums=0)(decoder, jax.random.key(0))
    made = engine.prepare(decoder, params, VOCAB, weight_groups=0)
    requests = [decoding.Request(((2, 7, 8, 3),), grammar.image(VOCAB, 16))] * 2
    lowered = decoding.lower(made, requests, Sampler(top_k=5), platforms=("cuda",))
    assert "stablehlo.while" in lowered.as_text()
