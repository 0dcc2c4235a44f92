"""CelebA-HQ's images by their numbers, for all datasets about them: image files, labels, captions, CelebA's partition.

The images have their own numbers (7.jpg). CelebA-HQ-to-CelebA-mapping.txt maps them to CelebA's images; its `orig_idx`
counts from 0 and `orig_file` from 1, and `orig_file` is used here.
"""

import pathlib
from collections.abc import Sequence

from t2f_jax.config.schema import SourceConfig
from t2f_jax.data.datasets import celeba_files
from t2f_jax.data.datasets.base import Dataset, Split
from t2f_jax.data.datasets.listed import find, images_in
from t2f_jax.errors import UserError
from t2f_jax.io.files import read_lines

HQ = "CelebAMask-HQ"  # the folder in which CelebA-HQ is distributed
MAPPING, LABELS, IMAGES = "CelebA-HQ-to-CelebA-mapping.txt", "CelebAMask-HQ-attribute-anno.txt", "CelebA-HQ-img"
_COLUMNS = ["idx", "orig_idx", "orig_file"]


class HQFiles:
    """CelebA-HQ for a dataset of its images; files are in the dataset's own folder or in CelebAMask-HQ/ beside it.

    Args:
      config: names the dataset's folder, and perhaps CelebA's.
      images: possible places of the images in the dataset's own folder.
      labels: possible places of the label file there.

    Attributes:
      images: {number: image file}.

    Raises:
      UserError: a file or the folder of images is missing, or a row is broken.
    """

    def __init__(
        self,
        config: SourceConfig,
        dataset: Dataset,
        images: Sequence[str] = (IMAGES,),
        labels: Sequence[str] = (LABELS,),
    ):
        folder = pathlib.Path(config.folder)
        beside = folder.absolute().parent / HQ  # `find` searches below the folder, except absolute paths
        self._numbers = _read_mapping(find(folder, dataset, MAPPING, str(beside / MAPPING)))
        self._partition = celeba_files.Partition(config)
        found = images_in(find(folder, dataset, *images, str(beside / IMAGES)))
        self.images = {int(stem): path for stem, path in found.items() if stem.isdecimal()}
        names, rows = celeba_files.read_labels(find(folder, dataset, *labels, str(beside / LABELS)))
        self._labels = dict(zip(names, rows))

    def numbers(self) -> list[int]:
        """The numbers of all images in the mapping, ascending."""
        return sorted(self._numbers)

    def image(self, number: int) -> pathlib.Path:
        """The image file; its expected place if it is missing."""
        return self.images.get(number) or pathlib.Path(IMAGES) / f"{number}.jpg"

    def split(self, number: int) -> Split:
        """The split of the image in CelebA's partition."""
        return self._partition.split(self._numbers[number])

    def attributes(self, number: int) -> dict[str, str | int]:
        """The labels of an image; empty if it has none."""
        row = self._labels.get(f"{number}.jpg")
        return {} if row is None else celeba_files.attributes_of(row)


def _read_mapping(path: pathlib.Path) -> dict[int, int]:
    """-> {number of an image in CelebA-HQ: its number in CelebA}."""
    lines = read_lines(path, "table of CelebA-HQ's images")
    if lines[0].split()[:3] != _COLUMNS:
        raise UserError(f"{path}, line 1: the columns should be {' '.join(_COLUMNS)}, not '{lines[0][:60]}'")
    numbers: dict[int, int] = {}
    for line, text in enumerate(lines[1:], 2):
        cells = text.split()
        if not cells:
            continue
        stem = pathlib.PurePath(cells[2]).stem if len(cells) > 2 else ""
        if not (cells[0].isdecimal() and stem.isdecimal()):
            raise UserError(f"{path}, line {line}: '{text[:60]}' should be two numbers and a name, as 000777.jpg")
        if int(cells[0]) in numbers:
            raise UserError(f"{path}, line {line}: image {cells[0]} has two rows; it is one image of CelebA")
        numbers[int(cells[0])] = int(stem)
    return numbers


def read_captions(path: pathlib.Path) -> list[str]:
    """The captions of a file, one per line, without empty lines, repeats and replacement characters (U+FFFD)."""
    lines = (line.encode("utf-8", "replace").decode() for line in read_lines(path, "file of captions"))
    return list(dict.fromkeys(filter(None, (" ".join(line.replace("\ufffd", " ").split()) for line in lines))))
