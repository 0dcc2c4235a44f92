import numpy as np
import pytest

from t2f_jax.data import streams


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_streams_are_those_of_numpy(seed):
    numbers = [0, 1, 1023, 2**32 - 1, 2**32, 2**40 + 17, 2**64 - 1]
    made = list(streams.generators(seed, numbers))
    assert len(made) == len(numbers)
    for number, rng in zip(numbers, made):
        wanted = np.random.default_rng((seed, number))
        assert rng.bit_generator.state == wanted.bit_generator.state
        assert rng.permutation(9).tolist() == wanted.permutation(9).tolist()


def test_no_numbers_no_generators():
    assert list(streams.generators(0, [])) == []
