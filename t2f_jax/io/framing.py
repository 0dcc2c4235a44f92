"""Which part of a picture becomes the square for the image tokenizer, and how it is resized.

    crop       a centred square; `crop` is its side as a share of the picture's shorter side
    squash     the whole picture, whatever its aspect ratio
    landmarks  eyes, nose and corners of the mouth are aligned with their positions in `TEMPLATE` by the least-squares
               similarity transform (rotation, scale, shift); pixels outside the picture are black. A picture without
               known landmarks is treated as by `crop`.

S is the side of the square in pixels. Landmarks are float [5, 2]: x and y, in pixels of the upright picture (0, 0 is
the middle of the first pixel), of `POINTS`.
"""

import csv
import dataclasses
import math
import pathlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from t2f_jax.errors import UserError, WrongArgument
from t2f_jax.io.files import read_lines

POINTS = ("lefteye", "righteye", "nose", "leftmouth", "rightmouth")  # CelebA's names: left in the picture
# ArcFace's, for a square of 112 pixels: InsightFace's `arcface_dst` (J. Deng et al., ArcFace, CVPR 2019).
TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
SIDE = 112
# The whole square (crop=1) is this many times ArcFace's, to include hair and chin; crop=2/3 is ArcFace's own.
WIDER = 1.5
_FARTHEST = 4  # limit of the square in sides of the picture: landmarks that need more are wrong

_FILTERS = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
}


@dataclasses.dataclass(frozen=True, slots=True)
class Framing:
    """How a picture becomes a square; see `config.schema` for what each value may be.

    Attributes:
      crop: side of the square, as a share of the whole one.
      resize: "crop", "squash" or "landmarks".
      filter: "bicubic", "bilinear", "lanczos" or "box", all with antialiasing. "auto": squash is bilinear, as in
        the original; the rest bicubic, after reducing a much larger picture by an integer factor. "dct": as auto, but
        the decoder first scales a JPEG that is at least twice as large as needed by 2, 4 or 8.
    """

    crop: float = 1.0
    resize: str = "crop"
    filter: str = "auto"


WHOLE = Framing()
# Indices among the 68 points of iBUG's 300-W (and dlib's detector) whose mean is each of `POINTS`.
_OF_68 = (slice(36, 42), slice(42, 48), slice(30, 31), slice(48, 49), slice(54, 55))


def fit(
    image: Image.Image,
    size: int,
    framing: Framing = WHOLE,
    landmarks: np.ndarray | None = None,
    sides: tuple[float, float] | None = None,
) -> np.ndarray:
    """A picture -> uint8 [size, size, 3].

    Args:
      landmarks: of the face in it, if they are known; used if the framing is by landmarks.
      sides: width and height, if its last pixels are fractional (see `scale_by_decoder`).

    Raises:
      WrongArgument: landmarks that cannot belong to a face in this picture.
    """
    width, height = sides or image.size
    if framing.resize == "squash":
        return _resized(image, size, _FILTERS.get(framing.filter, Image.Resampling.BILINEAR), (0, 0, width, height))
    resample = _FILTERS.get(framing.filter, Image.Resampling.BICUBIC)
    if framing.resize == "landmarks" and landmarks is not None:
        return _aligned(image, size, framing.crop, resample, landmarks)
    side = min(width, height) * framing.crop
    left, top = (width - side) / 2, (height - side) / 2
    gap = 3.0 if framing.filter in ("auto", "dct") else None
    return _resized(image, size, resample, (left, top, left + side, top + side), gap)


def scale_by_decoder(
    image: Image.Image, size: int, framing: Framing, landmarks: np.ndarray | None = None
) -> tuple[float, float] | None:
    """Makes the decoder of a JPEG file that is not decoded yet scale it, for the filter "dct".

    The decoder computes fewer pixels from each block's lower frequencies (libjpeg's scaled inverse DCT), at least as
    many as the square needs. Landmarks are in pixels of the picture, so with them nothing is scaled.

    Returns:
      width and height of the picture in scaled pixels, the last of which may be fractional; None if it is not scaled.
    """
    if framing.filter != "dct" or (framing.resize == "landmarks" and landmarks is not None):
        return None
    least = math.ceil(size / (1.0 if framing.resize == "squash" else framing.crop))
    size_before = image.size
    drafted = image.draft(None, (least, least))  # None: not a JPEG
    return drafted[1][2:] if drafted and image.size != size_before else None


def _resized(
    image: Image.Image,
    size: int,
    resample: Image.Resampling,
    box: tuple[float, float, float, float] | None = None,
    gap: float | None = None,
) -> np.ndarray:
    return np.asarray(image.resize((size, size), resample, box=box, reducing_gap=gap), np.uint8)


def _aligned(
    image: Image.Image, size: int, crop: float, resample: Image.Resampling, landmarks_5x2: np.ndarray
) -> np.ndarray:
    """The square of `TEMPLATE`, sampled at about the picture's own scale, then resized with antialiasing."""
    side = SIDE * WIDER * crop
    turn, shift = similarity(landmarks_5x2)
    pixels = side / abs(turn) if turn else math.inf  # of the picture along a side of the square
    if not math.isfinite(pixels + abs(shift)) or pixels > _FARTHEST * max(image.size):
        raise WrongArgument(
            f"landmarks {np.asarray(landmarks_5x2).tolist()} are those of no face in a picture of {image.width} x"
            f" {image.height} pixels; give x and y in pixels of {', '.join(POINTS)}"
        )
    drawn = size * max(1, math.ceil(pixels / size))
    # Both coordinates start at the corner of the first pixel: x, y of the square -> template -> picture.
    scale, corner = side / drawn, (SIDE - side) / 2 * (1 + 1j) - 0.5 * (1 + 1j)
    a, b = scale / turn, (corner - shift) / turn + 0.5 * (1 + 1j)
    how = resample if resample is Image.Resampling.BILINEAR else Image.Resampling.BICUBIC
    square = image.transform(
        (drawn, drawn), Image.Transform.AFFINE, (a.real, -a.imag, b.real, a.imag, a.real, b.imag), how
    )
    return _resized(square, size, resample)


def similarity(landmarks_5x2: np.ndarray) -> tuple[complex, complex]:
    """The least-squares similarity transform from landmarks onto the template: w = turn * z + shift, z = x + iy.

    It is S. Umeyama's (PAMI 1991) in the plane, without reflection; in complex numbers it is a linear regression.
    Landmarks that coincide or are not finite give turn 0.
    """
    points = np.asarray(landmarks_5x2, np.float64)
    z, w = points @ (1, 1j), TEMPLATE @ (1, 1j)
    centred = z - z.mean()
    spread = float(np.sum(np.abs(centred) ** 2))
    if not math.isfinite(spread) or spread <= 0:
        return 0j, 0j
    turn = complex(np.sum(np.conj(centred) * (w - w.mean())) / spread)
    return turn, complex(w.mean() - turn * z.mean())


def of_68(points_68x2: np.ndarray) -> np.ndarray:
    """The landmarks [5, 2] among 68 points of a face; an eye's is the mean of the six around it."""
    return np.stack([points_68x2[place].mean(axis=0) for place in _OF_68])


def read_landmarks(path: pathlib.Path) -> dict[str, np.ndarray]:
    """A table of landmarks -> {file name: float [5, 2]}: CelebA's `list_landmarks_align_celeba`, or one like it.

    A header names lefteye_x, lefteye_y and so on; each row has a file name and the numbers. Cells are separated by
    commas or blanks; a line with the number of rows may precede the header.

    Raises:
      UserError: no such file, or a broken line, which the message names.
    """
    wanted = [f"{point}_{axis}" for point in POINTS for axis in "xy"]
    rows = _cells(path)
    number, header = next(rows, (1, []))
    if len(header) == 1:
        number, header = next(rows, (2, []))
    names = header[-len(wanted) :]
    if sorted(names) != sorted(wanted):
        raise UserError(f"{path}, line {number}: the header should name {', '.join(wanted)}")
    order = [names.index(name) for name in wanted]
    found: dict[str, np.ndarray] = {}
    for number, cells in rows:
        try:
            if len(cells) != 1 + len(wanted):
                raise ValueError(f"{len(cells) - 1} numbers after the file name instead of {len(wanted)}")
            values = [float(cell) for cell in cells[1:]]
        except ValueError as error:
            raise UserError(f"{path}, line {number}: {error}") from None
        found[cells[0]] = np.array([values[k] for k in order]).reshape(-1, 2)
    return found


def _cells(path: pathlib.Path) -> Iterator[tuple[int, list[str]]]:
    """(line number, cells) of the lines that are not empty; file names with blanks require commas."""
    for number, line in enumerate(read_lines(path, "table of landmarks"), 1):
        cells = next(csv.reader([line]), []) if "," in line else line.split()
        if any(cells):
            yield number, [cell.strip() for cell in cells]
