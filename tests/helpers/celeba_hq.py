"""Synthetic folders of CelebA-HQ, in the layout of CelebAMask-HQ."""

from faces import save_jpeg

from t2f_jax.data.datasets import celeba_files

# The numbers of images 0, 1, ... in CelebA, at the ends of its splits.
ORIGINALS = (162770, 162771, 182637, 182638, 5, 202599)
SPLITS = ("train", "validation", "validation", "test", "train", "test")


def write_mapping(path):
    rows = [f"{n}   {original - 1}   {original:06d}.jpg" for n, original in enumerate(ORIGINALS)]
    path.write_text("\n".join(["idx      orig_idx   orig_file", *rows]) + "\n")


def write_labels(path, yes=None):
    """`yes`: {number: names of the columns with yes}; all other bits are no."""
    rows = []
    for number in range(len(ORIGINALS)):
        bits = ["1" if column in (yes or {}).get(number, ()) else "-1" for column in celeba_files.COLUMNS]
        rows.append(f"{number}.jpg  " + " ".join(f"{bit:>2}" for bit in bits))
    path.write_text("\n".join([str(len(rows)), " ".join(celeba_files.COLUMNS) + " ", *rows]) + "\n")


def make(folder, yes=None):
    """Makes CelebAMask-HQ/ in `folder`, with six faces, and returns it."""
    hq = folder / "CelebAMask-HQ"
    for number in range(len(ORIGINALS)):
        save_jpeg(hq / "CelebA-HQ-img" / f"{number}.jpg", number, 32, 32)
    write_mapping(hq / "CelebA-HQ-to-CelebA-mapping.txt")
    write_labels(hq / "CelebAMask-HQ-attribute-anno.txt", yes)
    return hq
