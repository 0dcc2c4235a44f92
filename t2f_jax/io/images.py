"""Reads and writes pictures: a file, PIL image or array becomes the square uint8 array for the image tokenizer.

Axes: N images, S side in pixels.
"""

import contextlib
import os
import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, Any, Protocol

import numpy as np
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from t2f_jax import arguments
from t2f_jax.errors import UserError, WrongArgument, is_machines_fault
from t2f_jax.io.file_kinds import foreign
from t2f_jax.io.files import defined, no_file, to_json, whole_file
from t2f_jax.io.framing import WHOLE, Framing, fit, scale_by_decoder

MAKER = "t2f_jax"  # prefix of "Software" in the metadata of a generated face


class Array(Protocol):
    """Anything that numpy can convert: a numpy, JAX or torch array."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        ...

    def __array__(self) -> np.ndarray:
        """Its values as a numpy array."""
        ...


Picture = str | os.PathLike | IO[bytes] | Image.Image | Array
KINDS = "a path, an opened file, a PIL image or a uint8 array [height, width, 3]"


class CorruptImage(WrongArgument):
    """An image file that cannot be decoded. A dataset skips and lists it; a command that needs it stops."""


def open_image(file: str | os.PathLike | IO[bytes], name: str = "") -> Image.Image:
    """Decodes a whole image file to RGB.

    Args:
      name: its name in errors; its path if not given.

    Raises:
      WrongArgument: there is no such file.
      CorruptImage: it is not an image or not a file, is truncated, or has values of an unknown range.
    """
    with _opened(file, name) as image:
        return to_rgb(upright(image))


def read_image(
    file: str | os.PathLike | IO[bytes],
    size: int,
    framing: Framing = WHOLE,
    landmarks: np.ndarray | None = None,
    name: str = "",
) -> np.ndarray:
    """An image file -> uint8 [size, size, 3], see `framing.fit`. Arguments and errors: `open_image` and `fit`."""
    with _opened(file, name) as image:
        square = _scaled(image, size, framing, landmarks)
        if square is not None:
            return square
        picture = to_rgb(upright(image))
    return fit(picture, size, framing, landmarks)


@contextlib.contextmanager
def _opened(file: str | os.PathLike | IO[bytes], name: str) -> Iterator[Image.Image]:
    """Opens an image file without decoding it; errors inside are raised as `open_image` describes."""
    with decoding(name or file):
        if isinstance(file, (str, os.PathLike)) and not os.path.isfile(file):
            _check_no_file(pathlib.Path(file))
        try:
            image = Image.open(file)
        except FileNotFoundError:
            raise WrongArgument("no such image file") from None
        with image:
            yield image


def _scaled(image: Image.Image, size: int, framing: Framing, landmarks: np.ndarray | None) -> np.ndarray | None:
    """The square of a file that its decoder scales down (see `Framing.filter`); None for any other."""
    sides = scale_by_decoder(image, size, framing, landmarks)
    if sides is None:
        return None
    square, turn = fit(to_rgb(image), size, framing, sides=sides), _turn(image)
    # Turned last, because `sides` are those of the picture before turning.
    return square if turn is None else np.asarray(Image.fromarray(square).transpose(turn))


def _check_no_file(path: pathlib.Path) -> None:
    """Raises CorruptImage for anything that is not a file: opening a pipe might block forever."""
    if os.path.lexists(path):
        raise CorruptImage(f"{no_file(path) if path.exists() else 'this link leads nowhere'}; give an image file")


@contextlib.contextmanager
def decoding(name: object) -> Iterator[None]:
    """Turns errors inside into one that names the picture.

    Pillow raises far more than OSError for broken files (struct.error, KeyError, TypeError, RecursionError, MemoryError
    for huge sizes, ...), depending on its version: all are treated as the picture's fault.

    Raises:
      CorruptImage: in place of anything but a UserError.
      OSError: too many open files, a lost disk: unchanged, because the picture is not at fault.
    """
    try:
        yield
    except UserError as error:
        raise type(error)(f"{name}: {error}") from error
    except Exception as error:  # too many types to name, see above
        if is_machines_fault(error):
            raise
        reason = foreign(name) if isinstance(name, (str, os.PathLike)) else ""
        if isinstance(error, UnidentifiedImageError):  # its own message also names the file
            reason = reason or "of no kind that is read here"
        reason = reason or " ".join(str(error).split()) or type(error).__name__
        raise CorruptImage(f"{name}: not a readable image ({reason}); give a whole JPEG, PNG or WebP") from error


TURNS = {  # EXIF orientation -> the transposition that makes the picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright(image: Image.Image) -> Image.Image:
    """The picture, decoded and turned by its EXIF orientation.

    Only that tag is read. `ImageOps.exif_transpose` also rewrites all other tags, which fails for many that cameras and
    editors write. With unreadable metadata the picture is not turned.
    """
    image.load()  # first: Pillow turns a TIFF itself here, and removes the tag
    return _turned(image, _turn(image))


def _turn(image: Image.Image) -> Image.Transpose | None:
    try:
        return TURNS.get(image.getexif().get(0x0112, 1))
    except Exception:  # broken EXIF: Pillow raises many types, depending on its version
        return None


def _turned(image: Image.Image, turn: Image.Transpose | None) -> Image.Image:
    return image if turn is None else image.transpose(turn)


def to_rgb(image: Image.Image) -> Image.Image:
    """Any picture as RGB: grays of more than 8 bits are scaled (see `to_bytes`), transparent pixels become white.

    Raises:
      CorruptImage: grays of an unknown range.
    """
    if image.mode.startswith(("I", "F")):
        image = Image.fromarray(to_bytes(np.asarray(image)))
    if image.has_transparency_data:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    return image if image.mode == "RGB" else image.convert("RGB")


def to_bytes(gray: np.ndarray) -> np.ndarray:
    """Grays of 16- or 32-bit integers, or of float32, as uint8; the range is inferred from the values.

    Floats within 0..1 are multiplied by 255; numbers within 0..255 stay; integers within 0..65535 are divided by 257.
    All are rounded.

    Raises:
      CorruptImage: any other values, NaN among them.
    """
    low, high = float(gray.min()), float(gray.max())
    whole = gray.dtype.kind != "f"
    if not 0 <= low <= high <= (65535 if whole else 255):
        known = "0..255 or 0..65535" if whole else "0..1 or 0..255"
        raise CorruptImage(f"grays from {low:g} to {high:g} have an unknown range; store them within {known}")
    scale = (1 if high <= 255 else 1 / 257) if whole else (255 if high <= 1 else 1)
    return np.round(gray.astype(np.float64) * scale).astype(np.uint8)


def load_images(
    pictures: Picture | Iterable[Picture],
    size: int,
    framing: Framing = WHOLE,
    landmarks: Sequence[np.ndarray | None] | None = None,
) -> np.ndarray:
    """One or many pictures (see `KINDS`) -> uint8 [N, size, size, 3], see `framing.fit`.

    Args:
      landmarks: of each picture float [5, 2], None if unknown.

    Raises:
      CorruptImage: a picture that cannot be decoded.
      WrongArgument: no picture at all, a missing file, something other than a picture, or an array of another shape or
        type; a number of landmarks other than that of the pictures, or landmarks that do not fit a picture.
    """
    given = list(_each(pictures))
    known = [None] * len(given) if landmarks is None else _known(landmarks)
    arguments.one_each("landmarks", known, len(given))
    rows = [_load(picture, i + 1, size, framing, known[i]) for i, picture in enumerate(given)]
    if not rows:
        raise WrongArgument("no picture is given; give one or more")
    return np.stack(rows)


def _known(landmarks: Any) -> list[np.ndarray | None]:
    if isinstance(landmarks, (str, bytes)) or not isinstance(landmarks, (Sequence, np.ndarray)):
        raise WrongArgument(
            f"landmarks={arguments.shown(landmarks)} must be a list with [5, 2] numbers or None a picture"
        )
    return [
        None if one is None else arguments.array("landmarks", one, np.number, (5, 2), "numbers") for one in landmarks
    ]


def _each(pictures: Any) -> Iterable[Any]:
    """Yields each of one or many pictures, which may be an array of many."""
    if _is_array(pictures):
        pictures = _values("pictures", pictures)
        return pictures if pictures.ndim == 4 or (pictures.dtype.kind in "OU" and pictures.ndim) else [pictures]
    one = (Image.Image, bytes, bytearray, Mapping)
    if _is_file(pictures) or isinstance(pictures, one) or not isinstance(pictures, Iterable):
        return [pictures]
    return pictures


def _is_array(picture: Any) -> bool:
    return hasattr(picture, "__array__") and hasattr(picture, "shape") and not isinstance(picture, str)


def _values(name: str, picture: Any) -> np.ndarray:
    try:
        return np.asarray(picture)
    except Exception as error:  # an error of another library, such as torch's for a tensor with a gradient
        raise WrongArgument(f"{name}: {arguments.shown(picture)} cannot be read ({error}); give {KINDS}") from error


def _is_file(picture: Any) -> bool:
    return isinstance(picture, (str, os.PathLike)) or hasattr(picture, "read")


def _name(picture: Any, number: int) -> str:
    """The name of a picture in errors: its path or, if it has none, its position among all, from 1."""
    if isinstance(picture, (str, os.PathLike)):
        return str(picture)
    name = getattr(picture, "filename", None) or getattr(picture, "name", None)
    return name if isinstance(name, str) else f"picture {number}"


def _load(picture: Any, number: int, size: int, framing: Framing, landmarks: np.ndarray | None) -> np.ndarray:
    name = _name(picture, number)
    if _is_array(picture):
        picture = _values(name, picture)
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[-1] != 3 or not picture.size:
            raise WrongArgument(
                f"{name}: an image array must be uint8 [height, width, 3], got {picture.dtype} {picture.shape}"
            )
        if picture.shape[:2] == (size, size) and landmarks is None and _keeps_square(framing):
            return picture
        picture = Image.fromarray(picture)
    if isinstance(picture, Image.Image):
        with decoding(name):
            image = to_rgb(upright(picture))
    elif _is_file(picture):
        with _opened(picture, name) as file:
            square = _scaled(file, size, framing, landmarks)
            if square is not None:
                return square
            image = to_rgb(upright(file))
    else:
        raise WrongArgument(f"{name}: a picture is {KINDS}, got {type(picture).__name__}")
    if str(image.info.get("Software", "")).startswith(MAKER):
        framing, landmarks = WHOLE, None  # generated faces are already cropped
    if 0 in image.size:
        raise CorruptImage(f"{name}: an empty picture, {image.width} x {image.height} pixels; give one with some")
    with decoding(name):
        return fit(image, size, framing, landmarks)


def _keeps_square(framing: Framing) -> bool:
    """Whether an array of the right size is unchanged, as an aligned one is."""
    return framing.resize != "crop" or framing.crop == 1.0


def save_png(path: pathlib.Path, image: np.ndarray | Image.Image, about: Mapping[Any, object]) -> None:
    """Writes uint8 [S, S, 3] or a PIL image as PNG, atomically.

    Args:
      about: its metadata; values that are not strings are written as JSON.
    """
    picture = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    with whole_file(path, many_writers=True) as partial:  # two processes may write the same face
        picture.save(partial, format="PNG", pnginfo=png_info(about))


def png_info(about: Mapping[Any, object]) -> PngImagePlugin.PngInfo:
    """PNG metadata for Pillow; values that are not strings are written as JSON."""
    info = PngImagePlugin.PngInfo()
    for key, value in about.items():
        info.add_itxt(str(key), value if isinstance(value, str) else to_json(defined(value)))
    return info
