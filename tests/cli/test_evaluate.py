"""`t2f evaluate` and `t2f report`: which folders are read and written, in a bucket, too."""

import buckets

from t2f_jax import cli
from t2f_jax.evaluation import publish, suite


def test_a_model_is_read_from_a_bucket_and_its_figures_go_there(folder, bucket, monkeypatch, capsys):
    def evaluate(model, out, overrides, data, split, networks, lpips, meteor):
        assert (data, split) == (["celeba", "own.csv"], "all")
        assert (model / "config.json").read_bytes() == (folder / "config.json").read_bytes()
        assert overrides == ["eval.requests=3"]
        (out / "results").mkdir(parents=True)
        (out / "results" / "results.json").write_text("1")
        (out / "card.json").write_text("1")
        return {"faces/age_mae": 3.25, "protocol": "test"}

    monkeypatch.setattr(suite, "evaluate_and_publish", evaluate)
    buckets.put(folder, "gs://b/model")
    chosen = ["--split", "all", "--data", "celeba", "--data", "own.csv"]
    cli.main(["evaluate", "--model", "gs://b/model", "--out", "gs://b/e", *chosen, "eval.requests=3"])
    assert capsys.readouterr().out.splitlines() == [f"{'faces/age_mae':32} 3.25", "report: gs://b/e/report.html"]
    assert {"/b/e/card.json", "/b/e/results/results.json"} <= set(bucket)


def test_a_report_is_written_again_where_its_results_are(bucket, tmp_path, monkeypatch, capsys):
    def rewrite(folder):
        (folder / "report.html").write_text((folder / "results" / "results.json").read_text() + "!")
        return folder / "report.html"

    monkeypatch.setattr(publish, "rewrite", rewrite)
    (tmp_path / "e" / "results").mkdir(parents=True)
    for text in ("old", "new"):
        (tmp_path / "e" / "results" / "results.json").write_text(text)
        buckets.put(tmp_path / "e", "gs://b/e")
        cli.main(["report", "gs://b/e"])
        assert bucket["/b/e/report.html"].getvalue().decode() == f"{text}!"
    cli.main(["report", str(tmp_path / "e")])
    told = capsys.readouterr().out.split()
    assert told == ["gs://b/e/report.html"] * 2 + [str(tmp_path / "e" / "report.html")]
