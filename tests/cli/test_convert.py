"""`t2f convert`: a pair and an image tokenizer alone go in and out, of buckets, too; wrong flags are named."""

import pathlib

import buckets
import numpy as np
import pytest
from original_files import (
    BASE_DECODER,
    BASE_VQGAN,
    SMALL_VQGAN,
    random_tensors,
    small_pair,
    vocabulary,
)

from t2f_jax import bundle, cli
from t2f_jax.convert import torch_writer
from t2f_jax.convert.names import decoder_names, vqgan_names
from t2f_jax.io import remote
from t2f_jax.io.torch_reader import TorchFile


def test_the_command_imports_a_pair_and_an_image_tokenizer_alone(tmp_path, capsys):
    (tmp_path / "pair").mkdir()
    pair = small_pair(tmp_path / "pair")
    decoder, vqgan, words = map(str, pair)
    options = ["--image-size", "32", "--heads", "2"]
    everything = ["--decoder", decoder, "--vqgan", vqgan, "--vocab", words]
    cli.main(["convert", "import", *everything, *options, "--range", "correct", "--out", str(tmp_path / "m")])
    model = bundle.load(tmp_path / "m")
    assert model.preprocess.range == "correct" and "gender" in [a.name for a in model.schema]
    assert model.provenance["imported"][0]["file"] == "talk2face.bin"
    cli.main(["convert", "import", "--vqgan", vqgan, *options, "--out", str(tmp_path / "t")])
    out = str(tmp_path / "o")
    cli.main(["convert", "export", str(tmp_path / "t"), "--to", "original", "--out", out])
    assert (tmp_path / "o" / "last.ckpt").read_bytes() == pair[1].read_bytes()
    cli.main(["convert", "export", str(tmp_path / "m"), "--to", "safetensors", "--out", str(tmp_path / "s")])
    names = {p.name for p in (tmp_path / "s").iterdir()}
    assert names == {"decoder.safetensors", "decoder.json", "image_tokenizer.safetensors", "image_tokenizer.json",
                     "vocab.txt"}  # fmt: skip
    with pytest.raises(SystemExit):
        cli.main(["convert", "import", "--decoder", decoder, "--vqgan", vqgan, "--out", str(tmp_path / "n")])
    assert "--decoder and --vocab go together" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["convert", "import", "--vqgan", vqgan, "--range", "correct", "--out", str(tmp_path / "n")])
    assert "--range is for a whole model" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["convert", "export", str(tmp_path / "m"), "--to", "original", "--out", str(tmp_path / "s")])
    assert (
        "exists and is not an empty folder" in capsys.readouterr().err and (tmp_path / "s" / "decoder.json").is_file()
    )


def test_a_model_is_rounded_exported_and_verified_there(folder, bucket, capsys):
    buckets.put(folder, "gs://b/model")
    cli.main(["convert", "round", "gs://b/model", "--to", "bfloat16", "--out", "gs://b/half"])
    told = capsys.readouterr().out
    assert told.startswith("gs://b/half: the decoder's weights take") and "/b/half/config.json" in bucket
    small, whole = (bundle.load(remote.fetch(f"gs://b/{name}")) for name in ("half", "model"))
    assert np.abs(small.params["embed"]["word"] - whole.params["embed"]["word"]).max() < 0.05
    cli.main(["convert", "verify", "gs://b/model", str(folder), "--tolerance", "0"])
    with pytest.raises(SystemExit, match="1"):
        cli.main(["convert", "verify", "gs://b/model", "gs://b/half", "--tolerance", "0"])
    cli.main(["convert", "export", "gs://b/model", "--to", "safetensors", "--out", "gs://b/s"])
    assert capsys.readouterr().out.endswith("gs://b/s\n") and "/b/s/decoder.safetensors" in bucket
    before = dict(bucket)
    with pytest.raises(SystemExit, match="2"):
        cli.main(["convert", "export", "gs://b/model", "--to", "hf", "--out", "gs://b/s"])
    assert "gs://b/s: exists and is not an empty folder" in capsys.readouterr().err and dict(bucket) == before


def test_the_originals_files_come_from_there(bucket, tmp_path, capsys):
    torch_writer.write(tmp_path / "last.ckpt", random_tensors(vqgan_names(SMALL_VQGAN)), "state_dict")
    buckets.put(tmp_path / "last.ckpt", "gs://b/original/last.ckpt")
    cli.main(["convert", "import", "--vqgan", "gs://b/original/last.ckpt", "--image-size", "32", "--out", "gs://b/t"])
    assert capsys.readouterr().out == "gs://b/t\n" and "/b/t/config.json" in bucket
    assert bundle.load_image_tokenizer(remote.fetch("gs://b/t")).config.resolution == 32
    assert b"last.ckpt" in bucket["/b/t/provenance.json"].getvalue()


def test_what_the_original_does_otherwise_is_explained(capsys):
    cli.main(["convert", "explain"])
    assert "norm" in capsys.readouterr().out


@pytest.mark.slow
def test_all_541_tensors_go_round_at_full_size(tmp_path):
    words = pathlib.Path(__file__).parents[3] / "shared" / "fixtures" / "google_uncased_en_vocab.txt"
    if not words.is_file():
        words = vocabulary(tmp_path / "words.txt", 30_522)
        lines = [f"piece{i}" for i in range(30_522)]
        lines[0], lines[100], lines[101], lines[102] = "[PAD]", "[UNK]", "[CLS]", "[SEP]"
        words.write_text("\n".join(lines) + "\n")
    sources = decoder_names(BASE_DECODER, 31_546), vqgan_names(BASE_VQGAN)
    files = tmp_path / "talk2face.bin", tmp_path / "last.ckpt"
    for file, names, key in zip(files, sources, (None, "state_dict")):
        torch_writer.write(file, random_tensors(names), key)
    cli.main(["convert", "import", "--decoder", str(files[0]), "--vqgan", str(files[1]), "--vocab", str(words),
              "--out", str(tmp_path / "m")])  # fmt: skip
    cli.main(["convert", "export", str(tmp_path / "m"), "--to", "original", "--out", str(tmp_path / "o")])
    count = 0
    for file in files:
        before, after = TorchFile(file), TorchFile(tmp_path / "o" / file.name)
        assert list(before.tensors) == list(after.tensors)
        for name in before.tensors:
            assert before.read(name).tobytes() == after.read(name).tobytes()
            count += 1
    assert count == 541
