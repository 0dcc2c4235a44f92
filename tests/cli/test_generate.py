"""`t2f generate` and `t2f analyze` on a small model: files, metadata, tables, and what cannot be said together."""

import json

import pytest
import small_model
from PIL import Image

from t2f_jax import bundle, cli
from t2f_jax.inference.model import load


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "model"
    bundle.save(path, small_model.make_bundle(prompt_dropout=0.1))
    return path


def generate(folder, out, *words):
    cli.main(["generate", "--model", str(folder), "--out", str(out), *words])


def test_saved_faces_carry_what_made_them(folder, tmp_path, capsys):
    words = ("--text", "a man", "--attribute", "glasses=yes:2", "--avoid", "gender=female", "--n", "3", "--seed", "5")
    generate(folder, tmp_path, *words, "--min-p", "0.05", "--final-temperature", "0.5", "--keep", "2")
    told = capsys.readouterr().out
    faces = sorted(tmp_path.glob("face-*.png"))
    assert len(faces) == 2 and told.count("log p(asked | face)") == 2 and (tmp_path / "grid.png").is_file()
    about = Image.open(faces[0]).info
    assert about["prompt"] == "a man + 2 * (glasses) - guidance * (gender : female)"
    assert int(about["seed"]) == int(faces[0].stem[5:]) and float(about["score"]) < 0
    options = json.loads(about["options"])
    assert (options["min_p"], options["final_temperature"], options["best_of"]) == (0.05, 0.5, 3)
    assert about["model"] == bundle.load(folder).hash and about["Software"].startswith("t2f_jax")

    generate(folder, tmp_path / "more", "--complete", str(faces[0]), "--share", "0.5", "--n", "2")
    generate(folder, tmp_path / "more", "--vary", str(faces[0]), "--text", "a man", "--n", "1", "--seed", "9")
    assert sorted(p.name for p in (tmp_path / "more").glob("face*")) == [f"face-00000{i}.png" for i in (0, 1, 9)]


def test_captions_are_drawn_and_told_likeliest_first(folder, tmp_path, capsys):
    generate(folder, tmp_path, "--text", "a man", "--n", "2")
    faces = [str(p) for p in sorted(tmp_path.glob("face-*.png"))]

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


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "say what face to make"),
        (["--prompts", "f", "--text", "a"], "leave out --text"),
        (["--prompts", "f", "--keep", "1"], "leave out --keep"),
        (["--complete", "f", "--vary", "f"], "give one of them"),
        (["--text", "a", "--share", "0.5"], "--share is how much of a given face"),
        (["--complete", "f", "--share", "1.5"], "--share must lie above 0 and below 1"),
        (["--complete", "f", "--keep", "1"], "--keep takes the faces that show best"),
        (["--text", "a", "--keep", "5"], "--keep 5 of 4 faces"),
        (["--text", "a", "--min-p", "2"], "min_p must be from 0 to 1"),
        (["--prompts", "nowhere.txt"], "no readable file of prompts"),
    ],
)
def test_what_cannot_be_said_together(words, told, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        generate("no-model-is-read", tmp_path / "out", *words)
    line = capsys.readouterr().err
    assert stopped.value.code == 2 and told in line and line.count("\n") == 1


PROMPTS = """a man
{"text": "a man", "attributes": {"glasses": "yes"}, "n": 3, "seed": 10}

{"attributes": {"age": 30, "gender": ["male", 2]}, "avoid": {"glasses": "yes"}, "n": 2}
"""


def rows_of(out):
    return [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]


def test_a_prompt_that_is_not_read_whole_is_told(folder, tmp_path, capsys):
    generate(folder, tmp_path, "--text", "a man", "--n", "1")
    assert not capsys.readouterr().err.strip()
    generate(folder, tmp_path, "--text", "一个女人", "--n", "1")
    assert "signs that this model does not know: 一个女人" in capsys.readouterr().err
    generate(folder, tmp_path, "--text", "a man " * 100, "--n", "1")
    assert "longer than this model reads" in capsys.readouterr().err


def test_a_file_of_prompts_is_made_once_and_resumed(folder, tmp_path, capsys):
    file, out = tmp_path / "prompts.txt", tmp_path / "out"
    file.write_text(PROMPTS)
    generate(folder, out, "--prompts", str(file))
    assert "6 faces made, 0 were there" in capsys.readouterr().out
    first, names = rows_of(out), sorted(p.name for p in out.glob("*.png"))
    assert [row["file"] for row in first] == names and len(names) == 6
    assert names[1] == "000002-000010.png" and first[1]["prompt"] == "a man glasses" and first[1]["seed"] == 10
    pixels = {name: Image.open(out / name).tobytes() for name in names}

    (out / names[2]).unlink()  # one is lost, the manifest's last line was cut by a kill
    lines = (out / "manifest.jsonl").read_text().splitlines()
    (out / "manifest.jsonl").write_text("\n".join([*lines[:-1], lines[-1][:20]]))
    generate(folder, out, "--prompts", str(file))
    assert "2 faces made, 4 were there" in capsys.readouterr().out
    assert rows_of(out) == first and {n: Image.open(out / n).tobytes() for n in names} == pixels

    with (out / "manifest.jsonl").open("ab") as manifest:  # another cut, within a letter
        manifest.write('{"file": "ä'.encode()[:-1])
    (out / ".000002-000010.png.1.partial").touch()
    generate(folder, out, "--prompts", str(file))
    assert "0 faces made, 6 were there" in capsys.readouterr().out
    assert rows_of(out) == first and len(list(out.iterdir())) == 7

    model = load(folder)
    alone = model.generate("a man", {"glasses": "yes"}, seed=11)[0]
    assert alone.tobytes() == pixels["000002-000011.png"]
    with pytest.raises(SystemExit):
        generate(folder, out, "--prompts", str(file), "--temperature", "0.5")
    assert "is there with other options" in capsys.readouterr().err


def test_an_unknown_attribute_names_its_line_before_anything_is_made(folder, tmp_path, capsys):
    path = tmp_path / "prompts.txt"
    path.write_text('a man\n{"attributes": {"glases": "yes"}}\n')
    with pytest.raises(SystemExit):
        generate(folder, tmp_path / "out", "--prompts", str(path))
    assert "line 2: unknown attribute 'glases'" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_analyze_prints_a_table_and_writes_records(folder, tmp_path, capsys):
    generate(folder, tmp_path, "--text", "a man", "--n", "2")
    faces = [str(p) for p in sorted(tmp_path.glob("face-*.png"))]
    capsys.readouterr()
    cli.main(["analyze", "--model", str(folder), *faces, "--json", str(tmp_path / "answers.json")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == faces[0] and lines[4] == faces[1]
    age = lines[3]
    assert age.startswith("  age ") and "median" in age and "90%" in age and "mean" in age and "mode" in age
    assert lines[1].index("%") == lines[2].index("%"), "aligned"
    records = json.loads((tmp_path / "answers.json").read_text())
    assert records[0]["attributes"]["gender"]["probabilities"].keys() == {"male", "female"}
    assert {"value", "median", "mode", "mean", "interval_90"} <= records[0]["attributes"]["age"].keys()
