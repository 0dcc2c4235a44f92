"""Plots and pages made from figures and pictures. Independent of models and data.

    content    the content of a report, stored as results.json with PNG files
    page       the report of an evaluated model, report.html
    compare    the comparison of cards, one HTML file
    slices     positions of figures and intervals by group of faces on a common scale
    titles     readable names of figures
    data_card  the data card of a store, one HTML file
    sweep_page the report of a sweep: verdicts, tables and plots as one HTML file, and as Markdown
    sweep_plots  differences with intervals, learning curves, scaling laws as PNG files
    render     makes self-contained HTML pages from templates; filters that format numbers
    plots      loss curves, age scatter, calibration, guidance curve, label distributions as PNG files
    grids      grids of images, originals above their reconstructions

Templates: `base.html` (shared by all pages), `blocks.html` (headline figures, tables, pictures), `page.html` (the
report), `parts.html` (its figures with their protocol, groups of faces, failures), `compare.html`, `data_card.html`,
`sweep.html`, `style.css`; `model_card.md` (README.md of a trained model, no HTML). A new page extends `base.html`
and is made by `render.render`.

Read first: `page.render_report`, then `page.html`.
"""
