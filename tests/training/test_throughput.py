import types

import jax
import numpy as np
import pytest
from jax.sharding import Mesh

from t2f_jax.distributed.partitioning import AXES
from t2f_jax.training import throughput


class Chip:
    device_kind = "TPU v5 lite"

    def memory_stats(self):
        return {"bytes_in_use": 3 << 30, "peak_bytes_in_use": 5 << 30}


def mesh(kind=None):
    if kind is None:
        return Mesh(np.array(jax.devices()[:1]).reshape(1, 1, 1, 1), AXES)
    return types.SimpleNamespace(devices=np.array([Chip()] * 4), shape={"data": 2, "fsdp": 2, "tensor": 1})


def values():
    return {
        "loss": 2.5, "loss_to_image": 3.0, "loss_to_caption": float("nan"), "sequences": 8.0, "tokens": 3000.0,
        "model_flops": 197e12, "seconds": 2.0,
    }  # fmt: skip


def test_rates_on_a_known_chip(monkeypatch):
    monkeypatch.setattr(jax, "local_devices", lambda: [Chip()])
    told = values()
    told |= throughput.rates(told, mesh("tpu"))
    assert told["sequences_per_second"] == 4 and told["tokens_per_second"] == 1500
    assert told["model_flops_per_second"] == 197e12 / 2
    assert told["mfu"] == pytest.approx(1 / 8)  # half of one chip's peak, of four
    assert told["hbm_bytes"] == 3 << 30 and told["hbm_peak_bytes"] == 5 << 30
    assert not {"sequences", "tokens", "model_flops"} & told.keys()
    line = "loss 2.5  4 sequences/s  1,500 tokens/s  MFU 12.5%  HBM 3.00 GiB (peak 5.00)  to_image 3"
    assert throughput.note(told) == line
    assert throughput.devices_line(mesh("tpu")) == (
        "4 x TPU v5 lite, data=2 fsdp=2; MFU = model FLOPs / (seconds x 4 x 197 TFLOP/s)"
    )


def test_an_unknown_chip_is_called_unknown():
    told = values()
    told |= throughput.rates(told, mesh())
    assert np.isnan(told["mfu"]) and "MFU unknown" in throughput.note(told)
    assert throughput.devices_line(mesh()) == "1 x cpu; MFU unknown: the peak of this chip is not known"


def test_a_trainer_that_counts_nothing_has_a_loss_alone():
    told = {"loss": 1.0, "seconds": 1.0}
    assert throughput.note(told | throughput.rates(told, mesh())) == "loss 1"
