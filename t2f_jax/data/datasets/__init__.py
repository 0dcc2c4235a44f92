"""The datasets, a file each.

    synthetic/   A dataset without a download: faces drawn by the package, every one with known attributes.
    base         Datasets behind one protocol: numbered faces with fields (labels, captions), a split, and pixels on d
    registry     Which datasets there are, and how a config's sources are opened.
    celeba       CelebA in its authors' layout: aligned faces with 40 binary attributes.
    utkface      UTKFace: aligned, cropped faces whose file names hold the labels, `[age]_[gender]_[race]_[date&time].

Read first: `base.Source`.
"""
