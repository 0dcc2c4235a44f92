"""Synthetic faces: files, codes, and a config that draws them."""

import pathlib

import numpy as np
from PIL import Image

from t2f_jax.config.schema import Config, DataConfig, DecoderRunConfig, SourceConfig, TextConfig


def save_jpeg(path: pathlib.Path, number: int, width: int, height: int) -> None:
    """Writes a smooth picture that depends on `number`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x * 255 / width, y * 255 / height, np.full_like(x, number * 37 % 256, float)], -1)
    Image.fromarray(pixels.astype(np.uint8)).save(path, quality=95)


GRID = 4  # codes along a side, of `encode_stub`
CODEBOOK = 16


def encode_stub(image_BxSxSx3: np.ndarray) -> np.ndarray:
    """A placeholder for an image tokenizer: the red of GRID x GRID pixels, in CODEBOOK steps."""
    step = image_BxSxSx3.shape[1] // GRID
    return (image_BxSxSx3[:, ::step, ::step, 0] // (256 // CODEBOOK)).reshape(len(image_BxSxSx3), -1).astype(np.int32)


def store_config(**data) -> Config:
    """Two drawn sources with ratio 3 : 1, and rows long enough for their sequences."""
    many = {"faces": SourceConfig(count=60, weight=3.0), "others": SourceConfig(count=40, weight=1.0)}
    return Config(
        data=DataConfig(**{"image_size": 16, "seed": 4, "sources": many, **data}),
        text=TextConfig(vocab_size=500),
        decoder=DecoderRunConfig(sequence_length=96),
    )


def picture(number: int, side: int = 96) -> Image.Image:
    """A picture unlike any other, with coarse and fine structure like a photograph."""
    rng, pixels = np.random.default_rng(number), np.full((192, 192, 3), 128.0)
    for squares, contrast in ((4, 40), (8, 25), (16, 15), (32, 9)):
        noise = Image.fromarray(rng.integers(0, 256, (squares, squares, 3), np.uint8))
        pixels += (np.asarray(noise.resize((192, 192), Image.Resampling.BICUBIC), float) - 128) * contrast / 64
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).resize((side, side))


def own_faces(folder: pathlib.Path, train: int, held_out: int = 2, first: int = 0) -> list[str]:
    """Makes a folder of distinct pictures and faces.csv (image, age, split) with `train` and twice `held_out` faces.

    Returns:
      the names of the images, train0.jpg .. test1.jpg.
    """
    folder.mkdir(parents=True)
    splits = ["train"] * train + ["validation"] * held_out + ["test"] * held_out
    names = [f"{split}{splits[:i].count(split)}.jpg" for i, split in enumerate(splits)]
    for i, name in enumerate(names):
        picture(first + i).save(folder / name, quality=90)
    rows = [f"{name},{20 + i % 50},{split}" for i, (name, split) in enumerate(zip(names, splits))]
    (folder / "faces.csv").write_text("\n".join(["image,age,split", *rows]) + "\n")
    return names
