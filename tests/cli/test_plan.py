"""`t2f plan`: where its answers go. What it computes is tested with the room `plan`."""

import json

import pytest
from fake_compiler import HLO, stand_in

from t2f_jax import cli


def test_the_command_writes_what_it_prints(tmp_path, monkeypatch, capsys):
    stand_in(monkeypatch)
    cli.main(["plan", "talk2face_base", "--topology", "v5e:2x4", "--plain", "--json", str(tmp_path / "p.json")])
    figures = json.loads((tmp_path / "p.json").read_text())
    for key in (
        "chips", "sequences_per_chip", "hbm_bytes_per_chip", "peak_bytes_per_chip", "spare_fraction", "collectives",
        "model_flops_per_step", "roofline_seconds", "roofline_mfu", "bound", "padding_fraction", "compiler_mfu",
        "largest_all_gather_bytes", "chip_hours", "clock_source",
    ):  # fmt: skip
        assert key in figures
    assert figures["chips"] == 8 and figures["sequences_per_chip"] == 512 and figures["plain"]["step"] == "plain"
    assert figures["plain"]["padding_fraction"] > 0.1 and 0 < figures["roofline_mfu"] <= 1
    printed = capsys.readouterr()
    assert "MFU at most" in printed.out and "compiling talk2face_base for 1 x v5e:2x4" in printed.err
    assert figures["compiler_mfu_over_plain"] == figures["compiler_mfu"] / figures["plain"]["compiler_mfu"]


@pytest.mark.parametrize("flags", [["--search", "--hlo", "x"], ["--batches", "512"], ["--json", "."]])
def test_flags_that_do_not_go_together_are_told_before_compiling(flags, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["plan", "talk2face_base", "--topology", "v5e:2x4", *flags])
    assert capsys.readouterr().err.startswith("t2f: ")


def test_figures_and_the_program_go_to_a_bucket(bucket, monkeypatch, capsys):
    stand_in(monkeypatch)
    command = ["plan", "talk2face_base", "--topology", "v5e:2x4"]
    cli.main([*command, "--json", "gs://b/plans/p.json", "--hlo", "gs://b/plans/p.hlo"])
    figures = json.loads(bucket["/b/plans/p.json"].getvalue())
    assert figures["chips"] == 8 and bucket["/b/plans/p.hlo"].getvalue() == HLO.encode()
    assert "written: gs://b/plans/p.json" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="2"):
        cli.main([*command, "--hlo", "gs://b/plans"])
    assert "gs://b/plans: this is a folder; --hlo takes a file" in capsys.readouterr().err


def test_a_number_of_rows_that_is_none_is_told(capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["plan", "quickstart", "--topology", "v5e:2x4", "--search", "--batches", "512,x"])
    assert "--batches: must be a whole number from 1 on, got 'x'" in capsys.readouterr().err
