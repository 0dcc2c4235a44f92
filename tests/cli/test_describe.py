"""`t2f caption` and `t2f analyze` on a small model: what is printed and written, and buckets."""

import dataclasses
import io
import json
import pathlib

import buckets
import numpy as np
import pytest
from PIL import Image

from t2f_jax import bundle, cli
from t2f_jax.inference.model import load
from t2f_jax.io.framing import POINTS


@pytest.fixture(scope="module")
def faces(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("faces")
    cli.main(["generate", "--model", str(folder), "--out", str(out), "--text", "a man", "--n", "2"])
    return [str(p) for p in sorted(out.glob("face-*.png"))]


def test_captions_are_drawn_and_told_likeliest_first(folder, faces, tmp_path, capsys):
    def caption(*words):
        cli.main(["caption", "--model", str(folder), *faces, "--length", "6", "--json", str(tmp_path / "a"), *words])
        return json.loads((tmp_path / "a").read_text())

    assert [set(told) for told in caption()] == [{"file", "caption"}] * 2
    assert caption() == caption("--temperature", "0"), "the likeliest piece each time, where nothing is said"
    told = caption("--n", "3", "--top-k", "20", "--seed", "4")
    for face in told:
        scores = [one["log_probability"] for one in face["captions"]]
        assert len(scores) == 3 and scores == sorted(scores, reverse=True) and scores[0] < 0
    model = load(folder)
    best = told[0]["captions"][0]
    codes = model.encode(model.images(faces[0]))
    assert model.caption_scores(codes, [best["caption"]])[0] == pytest.approx(best["log_probability"], abs=1e-4)
    one = caption("--top-k", "20", "--seed", "5")[1]["caption"]
    assert one in [c["caption"] for c in told[1]["captions"]], "a seed gives its caption alone, too"
    assert "face-000001.png" in capsys.readouterr().out


def test_analyze_prints_a_table_and_writes_records(folder, faces, tmp_path, capsys):
    cli.main(["analyze", "--model", str(folder), *faces, "--json", str(tmp_path / "answers.json")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == faces[0] and lines[4] == faces[1]
    age = lines[3]
    assert age.startswith("  age ") and "median" in age and "90%" in age and "mean" in age and "mode" in age
    assert lines[1].index("%") == lines[2].index("%"), "aligned"
    records = json.loads((tmp_path / "answers.json").read_text())
    assert records[0]["attributes"]["gender"]["probabilities"].keys() == {"male", "female"}
    assert {"value", "median", "mode", "mean", "interval_90"} <= records[0]["attributes"]["age"].keys()


@pytest.mark.parametrize("command", ["caption", "analyze"])
def test_faces_and_answers_may_lie_in_a_bucket(command, folder, faces, bucket, capsys):
    buckets.put(folder, "gs://b/model")
    buckets.put(pathlib.Path(faces[0]), "gs://b/faces/one.png")
    words = ["gs://b/faces/one.png", faces[1], "--json", "gs://b/answers/a.json"]
    cli.main([command, "--model", "gs://b/model", *words])
    told = capsys.readouterr().out
    rows = json.loads(bucket["/b/answers/a.json"].getvalue())
    assert [row["file"] for row in rows] == ["gs://b/faces/one.png", faces[1]]
    assert told.startswith("gs://b/faces/one.png") and told.endswith("written: gs://b/answers/a.json\n")


@pytest.mark.parametrize("command", ["caption", "analyze"])
def test_answers_are_written_though_nobody_reads_what_is_printed(command, folder, faces, tmp_path, monkeypatch):
    class Pipe(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    monkeypatch.setattr("sys.stdout", Pipe())
    with pytest.raises(SystemExit, match="141"):
        cli.main([command, "--model", str(folder), *faces, "--json", str(tmp_path / "a.json")])
    assert len(json.loads((tmp_path / "a.json").read_text())) == 2


def test_corrupt_files_are_left_out_and_told(folder, faces, tmp_path, capsys):
    (tmp_path / "cut.png").write_bytes(b"no picture")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "link.png").symlink_to("nowhere")
    others = [str(tmp_path / name) for name in ("folder.png", "link.png")]
    cli.main(["caption", "--model", str(folder), *others, faces[0]])
    out, err = capsys.readouterr()
    assert out.startswith(faces[0]) and "folder.png: this is a folder" in err and "2 of 3 files skipped" in err
    cli.main(["analyze", "--model", str(folder), str(tmp_path / "cut.png"), faces[0], "--attribute", "age"])
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == faces[0] and len(out.splitlines()) == 2
    assert "t2f: skipped" in err and "cut.png: not a readable image" in err and "1 of 2 files skipped" in err
    with pytest.raises(SystemExit, match="2"):
        cli.main(["analyze", "--model", str(folder), str(tmp_path / "cut.png")])
    assert "cut.png: not a readable image" in capsys.readouterr().err


def test_a_folder_in_the_place_of_a_file_is_told_before_a_model_is_read(tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["caption", "--model", "nowhere", "face.png", "--json", str(tmp_path)])
    assert "this is a folder; --json takes a file" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["caption", "analyze"])
def test_no_picture_is_overwritten(command, tmp_path, capsys):
    picture = tmp_path / "face.png"
    picture.write_bytes(b"a picture")
    with pytest.raises(SystemExit, match="2"):
        cli.main([command, "--model", "nowhere", str(picture), "--json", str(tmp_path / "." / "face.png")])
    assert "face.png: this file is read, and would be overwritten" in capsys.readouterr().err
    assert picture.read_bytes() == b"a picture"


def test_a_model_of_aligned_faces_takes_landmarks(folder, tmp_path, capsys):
    model = bundle.load(folder)
    aligning = dataclasses.replace(model, preprocess=dataclasses.replace(model.preprocess, resize="landmarks"))
    bundle.save(tmp_path / "aligning", aligning)
    columns = ",".join(f"{point}_{axis}" for point in POINTS for axis in "xy")
    (tmp_path / "points.csv").write_text(f"image,{columns}\nphoto.png,40,50,75,52,58,70,42,92,72,91\n")
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (120, 120, 3), np.uint8)).save(tmp_path / "photo.png")

    def analyze(where, *words):
        cli.main(["analyze", "--model", str(where), str(tmp_path / "photo.png"), "--json", str(tmp_path / "a"), *words])
        return json.loads((tmp_path / "a").read_text())[0]["attributes"], capsys.readouterr().err

    cropped, told = analyze(tmp_path / "aligning")
    assert "give --landmarks, otherwise faces are cropped" in told
    aligned, told = analyze(tmp_path / "aligning", "--landmarks", str(tmp_path / "points.csv"))
    assert "cropped" not in told and aligned != cropped
    loaded = load(tmp_path / "aligning")
    pixels = loaded.images(tmp_path / "photo.png", [np.array([[40, 50], [75, 52], [58, 70], [42, 92], [72, 91.0]])])
    right = loaded.analyze(pixels)[0]["gender"]["probabilities"]
    assert aligned["gender"]["probabilities"] == pytest.approx(right, abs=1e-4)
    with pytest.raises(SystemExit):
        analyze(folder, "--landmarks", str(tmp_path / "points.csv"))
    assert "--landmarks: this model reads faces with data.resize=crop; leave it out" in capsys.readouterr().err
