"""A dataset without a download: faces drawn by the package, each with known attributes.

    source        the dataset's entry, and the drawn faces as a source
    labels        the attributes of face i, as a pure function of seed and number; `draw` makes its pixels
    drawing       labels -> pixels: a cartoon face in flat shapes, drawn with PIL from back to front
    accessories   hat, glasses, earrings
    pen           the colours, and the pen that draws shapes
    anatomy       proportions and curves of a head, by age, gender and face shape

Read first: `labels.labels`.
"""
