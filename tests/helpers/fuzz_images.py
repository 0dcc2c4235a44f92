"""Fuzzes the picture reader: python tests/helpers/fuzz_images.py [options of libFuzzer].

Needs atheris (pip install atheris); -max_total_time=600 stops it after ten minutes. The input is a picture file;
the seeds are small ones of all usual formats, with and without EXIF. Any error other than a `UserError`, a run of more
than -timeout seconds or more than -rss_limit_mb of memory stops it and saves the input.
"""

import contextlib
import io
import pathlib
import sys
import tempfile
import warnings

import atheris
import numpy as np

with atheris.instrument_imports(include=["PIL", "t2f_jax.io.images"]):
    from PIL import Image

    from t2f_jax.io import images

from t2f_jax.errors import UserError
from t2f_jax.io.framing import Framing

FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP", "GIF", "PPM")
Image.MAX_IMAGE_PIXELS = 1 << 20  # larger ones count as decompression bombs here, so that a run is quick


def one_input(data: bytes) -> None:
    """Reads the file of one picture."""
    with contextlib.suppress(UserError):
        pixels = images.load_images(io.BytesIO(data), 16, Framing(0.8))
        assert pixels.shape == (1, 16, 16, 3) and pixels.dtype == np.uint8


def seeds() -> str:
    """Writes the seed pictures."""
    corpus = pathlib.Path(tempfile.mkdtemp())
    face = Image.fromarray(np.random.default_rng(0).integers(0, 256, (7, 9, 3), np.uint8))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x011A] = 6, "maker", 72.0
    for kind in FORMATS:
        face.save(corpus / kind, kind)
        face.convert("L").save(corpus / f"gray_{kind}", kind)
        if kind in ("JPEG", "PNG", "WEBP", "TIFF"):
            face.save(corpus / f"exif_{kind}", kind, exif=exif)
    face.convert("F").save(corpus / "float", "TIFF")
    face.convert("I").save(corpus / "int", "TIFF")
    face.convert("I;16").save(corpus / "deep", "PNG")
    face.quantize(4).save(corpus / "palette", "PNG", transparency=0)
    face.convert("RGBA").save(corpus / "clear", "PNG")
    for compression in ("tiff_lzw", "jpeg", "tiff_deflate"):
        face.save(corpus / compression, "TIFF", compression=compression)
    return str(corpus)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    atheris.Setup([*sys.argv, "-rss_limit_mb=2048", "-timeout=20", seeds()], one_input)
    atheris.Fuzz()
