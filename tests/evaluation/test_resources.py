from t2f_jax.evaluation.resources import measure_usage


def test_usage_counts_time_and_memory():
    with measure_usage() as usage:
        block = bytearray(64 << 20)
    assert usage.seconds > 0 and usage.peak_memory_bytes > len(block)
