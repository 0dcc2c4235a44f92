"""The original's files for tests: the golden tensors, random ones of any size, and torch archives of any content."""

import json
import pathlib

import numpy as np
from flax import traverse_util
from torch_files import archive, dictionary, tensor  # noqa: F401  # one import for scripts that make such files

from t2f_jax.config.schema import DecoderConfig, VQGANConfig
from t2f_jax.convert import torch_writer
from t2f_jax.convert.names import decoder_names, vqgan_names
from t2f_jax.convert.original import Options

FIXTURES = pathlib.Path(__file__).parents[1] / "fixtures"
GOLDEN = json.loads((FIXTURES / "golden_talk2face_tiny.json").read_text())
GOLDEN_VQGAN = json.loads((FIXTURES / "golden_vqgan_tiny.json").read_text())
GOLDEN_PIECES = GOLDEN["config"]["vocab"] - GOLDEN_VQGAN["n_embed"]

SMALL_VQGAN = VQGANConfig(
    resolution=32, ch=32, ch_mult=(1, 1, 1, 1), attn_resolutions=(4,), z_channels=8, embed_dim=4, n_embed=16
)
SMALL = Options(heads=2, image_size=32)  # how to read a small pair
SMALL_DECODER = DecoderConfig(layers=2, width=32, heads=2, mlp=64, max_length=96, norm="talk2face", dropout=0.1)
BASE_VQGAN = VQGANConfig(
    resolution=256,
    ch=128,
    ch_mult=(1, 1, 2, 2, 4),
    num_res_blocks=2,
    attn_resolutions=(16,),
    z_channels=256,
    embed_dim=256,
    n_embed=1024,
)
BASE_DECODER = DecoderConfig(layers=12, width=768, heads=12, mlp=3072, max_length=1024, norm="talk2face", dropout=0.1)


def golden_decoder():
    """The golden decoder's tensors, by the formula in its file."""
    for i, (name, shape) in enumerate(GOLDEN["state_dict"]):
        flat = 0.2 * np.sin(0.37 * np.arange(np.prod(shape)) + 1.3 * i) + name.endswith("gamma")
        yield name, flat.reshape(shape).astype(np.float32)


def golden_vqgan():
    """The golden VQGAN's tensors, by the formula in its file."""
    for i, (name, shape) in enumerate(GOLDEN_VQGAN["state_dict"]):
        n = int(np.prod(shape))
        w = np.sin(0.37 * np.arange(n) + 1.3 * i)
        if len(shape) == 1:
            w = 0.1 * w + ("norm" in name and name.endswith("weight"))
        elif name != "quantize.embedding.weight":
            w = w * np.sqrt(2 / (n / shape[0]))
        yield name, w.reshape(shape).astype(np.float32)


def random_tensors(names, seed=0):
    """Random values for `decoder_names` or `vqgan_names`, of a trained model's size."""
    rng = np.random.default_rng(seed)
    for name in names:
        spread = 1.0 if name.path[-1] == "embedding" else 0.05
        value = rng.standard_normal(name.shape, np.float32) * np.float32(spread)
        yield name.original, value + (name.path[-1] == "scale")


def vocabulary(path, size):
    """A WordPiece vocabulary of `size` pieces, including letters and the words of prompts."""
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)] + [str(d) for d in range(10)] + list(":,.'-")
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "to", "image", "caption", "attributes", *letters]
    pieces += [f"##{letter}" for letter in letters[:36]]
    pieces = pieces[:size] + [f"word{i}" for i in range(size - len(pieces))]
    path.write_text("\n".join(pieces) + "\n")
    return path


def small_pair(folder, decoder=SMALL_DECODER, vqgan=SMALL_VQGAN, pieces=120, prefix=""):
    """Writes `talk2face.bin`, `last.ckpt` and `vocab.txt` of a small random model; returns their paths."""
    paths = [folder / name for name in ("talk2face.bin", "last.ckpt", "vocab.txt")]
    torch_writer.write(paths[0], random_tensors(decoder_names(decoder, pieces + vqgan.n_embed)))
    tensors = ((prefix + name, value) for name, value in random_tensors(vqgan_names(vqgan), 1))
    torch_writer.write(paths[1], tensors, "state_dict")
    vocabulary(paths[2], pieces)
    return paths


def same_params(first, second):
    """Asserts that two trees of float32 parameters are equal bit for bit."""
    first, second = (traverse_util.flatten_dict(x, sep=".") for x in (first, second))
    assert first.keys() == second.keys()
    for name in first:
        assert first[name].dtype == second[name].dtype == np.float32
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)
