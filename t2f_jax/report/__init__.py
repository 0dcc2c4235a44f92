"""Figures and pictures -> plots and pages. Knows no model.

    plots     Figures of a run as PNG bytes (matplotlib), and image grids (PIL).
    grids     Grids of images.
    content   What a report holds, kept as JSON with the images as PNG files: the page can be written again without a
    page      The report: one HTML file that needs nothing beside it (images inside, no scripts), for a phone as for a

Read first: `page.render`.
"""
