import pytest

from t2f_jax.distributed import chips
from t2f_jax.plan import roofline
from t2f_jax.plan.hlo import Collective


def test_collectives_take_time_on_the_links_by_the_shares_of_a_ring():
    collectives = [
        Collective("all-gather", "fsdp", 1, 256, 256),
        Collective("all-reduce-scatter", "fsdp", 1, 64, 64),
        Collective("all-reduce", "fsdp", 1, 64, 64),
        Collective("collective-permute", "fsdp", 1, 32, 32),
        Collective("all-reduce", "slice", 1, 64, 64),
    ]
    chip = chips.CHIPS["TPU v5 lite"]
    within, between = roofline.link_seconds(collectives, {"slice": 2, "data": 1, "fsdp": 4, "tensor": 1}, chip)
    assert within == pytest.approx((256 * 3 / 4 + 64 * 3 + 2 * 64 * 3 / 4 + 32) / chip.ici_bandwidth)
    assert between == pytest.approx(2 * 64 / 2 / chip.dcn_bandwidth)
