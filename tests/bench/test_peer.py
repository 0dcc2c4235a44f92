"""A peer's protocol, with a peer that only pretends; and what the VQGAN is held against."""

import sys

import pytest

from t2f_jax import config
from t2f_jax.bench import vqgan
from t2f_jax.bench.peer import Peer, alternate, median_ratio
from t2f_jax.config.schema import VQGANConfig
from t2f_jax.errors import UserError

TINY = VQGANConfig(resolution=16, ch=8, ch_mult=(1, 2), attn_resolutions=(), z_channels=6, embed_dim=4, n_embed=12)


@pytest.fixture
def command(tmp_path):
    """The command of a peer that runs these lines for each `line` it is asked."""

    def write(answer: str) -> str:
        file = tmp_path / "a peer.py"
        file.write_text(f"import sys\nprint('ready', flush=True)\nfor line in sys.stdin:\n    {answer}\n")
        return f"{sys.executable} '{file}'"

    return write


def test_seconds_are_the_peers_own(command):
    with Peer(command("print({'encode': 0.25, 'decode': 4}[line.strip()], flush=True)")) as peer:
        assert [peer.seconds(job) for job in ("encode", "decode", "encode")] == [0.25, 4, 0.25]
    assert peer.process.returncode is not None


def test_pairs_take_turns():
    order = []
    times = alternate(lambda: order.append("ours"), lambda: order.append("theirs") or 2.0, 3)
    assert order == ["ours", *["ours", "theirs"] * 3]  # the first compiles
    assert [theirs for _, theirs in times] == [2.0] * 3
    assert median_ratio([(1.0, 3.0), (2.0, 2.0), (1.0, 2.0)]) == 2.0


@pytest.mark.parametrize(
    ("answer", "told"), [("print('slow', flush=True)", "answered 'encode' with 'slow'"), ("sys.exit(3)", "code 3")]
)
def test_a_peer_that_fails_is_told_of(command, answer, told):
    with Peer(command(answer)) as peer, pytest.raises(UserError, match=told):
        peer.seconds("encode")


@pytest.mark.parametrize("words", ["/no/such/program", "", "'unclosed", f"{sys.executable} -c 'exit(1)'"])
def test_a_command_that_is_none_is_told_of(words):
    with pytest.raises(UserError, match="--peer"):
        Peer(words)


@pytest.mark.parametrize("job", ["encode", "decode"])
def test_a_measurement_with_and_without_a_peer(command, job):
    alone = vqgan.measure(job, None, 1, TINY)
    assert alone.seconds > 0 and alone.peer_seconds is None and alone.ratio is None
    both = vqgan.measure(job, command("print(1000, flush=True)"), 3, TINY)
    assert len(both.pairs) == 3 and both.peer_seconds == 1000
    assert both.ratio == sorted(1000 / ours for ours, _ in both.pairs)[1]


def test_the_flops_are_those_counted_in_the_original():
    assert config.load("talk2face_base").image.model == vqgan.F16
    flops = vqgan.conv_flops(vqgan.F16)
    assert flops["encode"] / 1e9 == pytest.approx(138.0, abs=0.05)
    assert flops["decode"] / 1e9 == pytest.approx(252.2, abs=0.05)
