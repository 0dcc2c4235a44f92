"""`t2f generate` on a small model: files, metadata, resumption, buckets, and options that exclude each other."""

import json

import buckets
import pytest
from PIL import Image

from t2f_jax import bundle, cli
from t2f_jax.inference.model import load


def generate(folder, out, *words):
    cli.main(["generate", "--model", str(folder), "--out", str(out), *words])


def test_saved_faces_carry_what_made_them(folder, tmp_path, capsys):
    words = ("--text", "a man", "--attribute", "glasses=yes:2", "--avoid", "gender=female", "--n", "3", "--seed", "5")
    generate(folder, tmp_path, *words, "--min-p", "0.05", "--final-temperature", "0.5", "--keep", "2")
    told = capsys.readouterr().out
    faces = sorted(tmp_path.glob("face-*.png"))
    assert len(faces) == 2 and told.count("log p(prompt | face)") == 2 and (tmp_path / "grid.png").is_file()
    assert told.endswith("(all of them in grid.png, in this order)\n")
    about = Image.open(faces[0]).info
    assert about["prompt"] == "a man + 2 * (glasses) - guidance * (gender : female)"
    assert int(about["seed"]) == int(faces[0].stem[5:]) and float(about["score"]) < 0
    options = json.loads(about["options"])
    assert (options["min_p"], options["final_temperature"], options["best_of"]) == (0.05, 0.5, 3)
    assert about["model"] == bundle.load(folder).hash and about["Software"].startswith("t2f_jax")

    generate(folder, tmp_path / "more", "--complete", str(faces[0]), "--share", "0.5", "--n", "2")
    generate(folder, tmp_path / "other", "--vary", str(faces[0]), "--text", "a man", "--n", "1", "--seed", "9")
    assert sorted(p.name for p in (tmp_path / "more").glob("face*")) == ["face-000000.png", "face-000001.png"]
    assert [p.name for p in (tmp_path / "other").glob("face*")] == ["face-000009.png"]


def test_two_requests_do_not_mix_in_a_folder(folder, tmp_path, capsys):
    def names():
        return sorted(path.name for path in tmp_path.iterdir())

    generate(folder, tmp_path, "--text", "a man", "--n", "1")
    first = (tmp_path / "face-000000.png").read_bytes()
    generate(folder, tmp_path, "--text", "a man", "--n", "2")  # more of the same
    faces = ["face-000000.png", "face-000001.png", "grid.png", "request.json"]
    assert names() == faces and (tmp_path / "face-000000.png").read_bytes() == first
    (tmp_path / "prompts.txt").write_text("a man\n")
    capsys.readouterr()
    for words, told in (
        (["--text", "a woman", "--n", "2"], "another request (prompt: 'a man', now 'a woman')"),
        (["--text", "a man", "--n", "2", "--seed", "5"], "another request (seed: 0, now 5)"),
        (["--text", "a man", "--n", "1"], "another request (n: 2, now 1)"),
        (["--prompts", str(tmp_path / "prompts.txt")], "holds faces of a single prompt"),
    ):
        with pytest.raises(SystemExit, match="2"):
            generate(folder, tmp_path, *words)
        assert told in capsys.readouterr().err
    (tmp_path / "prompts.txt").rename(tmp_path / "mine.txt")
    generate(folder, tmp_path, "--text", "a woman", "--n", "1", "--seed", "5", "--replace")
    assert names() == ["face-000005.png", "grid.png", "mine.txt", "request.json"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "say what face to make"),
        (["--prompts", "f", "--text", "a"], "leave out --text"),
        (["--prompts", "f", "--keep", "1"], "leave out --keep"),
        (["--complete", "f", "--vary", "f"], "give one of them"),
        (["--text", "a", "--share", "0.5"], "--share is how much of a given face"),
        (["--complete", "f", "--share", "1.5"], "--share must lie above 0 and below 1"),
        (["--complete", "f", "--keep", "1"], "--keep takes the faces that fit the prompt best"),
        (["--text", "a", "--keep", "5"], "--keep 5 of 4 faces"),
        (["--text", "a", "--min-p", "2"], "min_p=2.0 must be a number from 0 to 1"),
        (["--text", "a", "--seed", "-1"], "seed=-1 must be a whole number from 0 to 4294967292"),
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
    generate(folder, tmp_path / "a", "--text", "a man", "--n", "1")
    assert "t2f:" not in capsys.readouterr().err
    generate(folder, tmp_path / "b", "--text", "a 一个女人 man 笑", "--n", "1")
    assert "characters that this model does not know: 一个女人, 笑\n" in capsys.readouterr().err
    generate(folder, tmp_path / "c", "--text", "a man " * 100, "--n", "1")
    assert "longer than this model reads" in capsys.readouterr().err


def test_nothing_is_made_for_a_face_that_cannot_be_read(folder, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["generate", "--model", str(folder), "--vary", str(tmp_path), "--out", str(tmp_path / "o")])
    assert "this is a folder; give an image file" in capsys.readouterr().err and not (tmp_path / "o").exists()


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
    assert "exists with other options" in capsys.readouterr().err


def test_an_unknown_attribute_names_its_line_before_anything_is_made(folder, tmp_path, capsys):
    path = tmp_path / "prompts.txt"
    path.write_text('a man\n{"attributes": {"glases": "yes"}}\n')
    with pytest.raises(SystemExit):
        generate(folder, tmp_path / "out", "--prompts", str(path))
    assert "line 2: unknown attribute 'glases'" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_all_that_is_read_and_written_may_lie_in_a_bucket(folder, bucket, tmp_path, capsys):
    buckets.put(folder, "gs://b/model")
    generate("gs://b/model", "gs://b/faces", "--text", "a man", "--n", "2", "--keep", "1")
    (face,) = (name for name in bucket if name.startswith("/b/faces/face-"))
    told = capsys.readouterr().out
    assert f"gs:/{face}  log p" in told and "1 face in gs://b/faces" in told and "/b/faces/grid.png" in bucket
    generate("gs://b/model", tmp_path / "c", "--complete", f"gs:/{face}", "--n", "1")
    generate("gs://b/model", tmp_path / "v", "--vary", f"gs:/{face}", "--n", "1")
    assert (tmp_path / "c" / "face-000000.png").is_file() and (tmp_path / "v" / "face-000000.png").is_file()
    (tmp_path / "prompts.txt").write_text("a man\na woman\n")
    buckets.put(tmp_path / "prompts.txt", "gs://b/prompts.txt")
    generate("gs://b/model", "gs://b/many", "--prompts", "gs://b/prompts.txt")
    assert {"/b/many/manifest.jsonl", "/b/many/000001-000000.png", "/b/many/000002-000000.png"} <= set(bucket)


def test_nothing_is_fetched_for_options_that_exclude_each_other(bucket, capsys):
    with pytest.raises(SystemExit, match="2"):
        generate("gs://b/nothing", "gs://b/faces", "--complete", "gs://b/x.png", "--vary", "gs://b/x.png")
    assert "give one of them" in capsys.readouterr().err and not bucket


@pytest.mark.parametrize(
    ("words", "lost"),
    [
        (["--complete", "face-000003.png"], True),
        (["--vary", "grid.png", "--seed", "9"], True),
        (["--prompts", "manifest.jsonl"], True),
        (["--complete", "face-000003.png", "--seed", "4"], False),
        (["--complete", "face-000003.png", "--seed", "4", "--replace"], True),
        (["--complete", "face.png"], False),
    ],
)
def test_what_is_read_is_not_overwritten(words, lost, tmp_path, capsys):
    with pytest.raises(SystemExit, match="2"):
        generate("no-model-is-there", tmp_path, words[0], str(tmp_path / words[1]), *words[2:])
    assert (f"{words[1]} would be overwritten; give another --out" in capsys.readouterr().err) == lost
