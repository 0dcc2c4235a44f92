"""A dataset without a download: faces drawn by the package, every one with known attributes.

    source    Drawn faces as a dataset.
    labels    A dataset without a download: faces drawn by the package, every one with known attributes.
    drawing   Labels to pixels: draws a cartoon face with PIL, in flat shapes, from back to front.
    anatomy   The proportions of a drawn head, and its curves: what age, gender and face shape do to a face before any

Read first: `labels.labels`.
"""
