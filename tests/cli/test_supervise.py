"""`t2f supervise`: what it starts, and that it leaves with its exit code."""

import pytest

from t2f_jax import cli
from t2f_jax.distributed import supervise


@pytest.mark.parametrize("command", [["false"], ["--", "t2f", "report", "--x"]])
def test_it_starts_the_command_and_leaves_with_its_code(command, monkeypatch):
    started = []

    class Supervisor:
        def __init__(self, *args):
            started.append(args)

        def run(self):
            return 7

    monkeypatch.setattr(supervise, "Supervisor", Supervisor)
    with pytest.raises(SystemExit, match="7"):
        cli.main(["supervise", "--processes", "2", "--restarts", "0", *command])
    ((words, *numbers),) = started
    assert numbers == [2, 0, 60]
    if command == ["false"]:
        assert words == ["false"]
    else:
        *interpreter, code, report, flag = words
        assert interpreter[-2:] == ["-P", "-c"] and "from t2f_jax.cli import main; main()" in code
        assert (report, flag) == ("report", "--x")
