"""Figures and pictures -> plots and pages. Knows neither models nor data.

    content    what a report holds, and how it is kept as results.json with PNG files
    page       the report of an evaluated model: content -> report.html
    compare    cards side by side -> one HTML file
    slices     figures by group of faces -> where their intervals lie on a common scale
    titles     names of figures in words
    data_card  the data card of a store -> one HTML file
    sweep_page the report of a sweep: verdicts, tables and plots -> one HTML file, and Markdown
    sweep_plots  differences with intervals, learning curves, laws of size as PNG files
    render     templates -> self-contained HTML pages; the filters that write numbers
    plots      loss curves, age scatter, calibration, guidance curve, distributions of labels as PNG files
    grids      grids of images, originals above their reconstructions

Templates: `base.html` (what all pages share), `blocks.html` (headline figures, tables, pictures), `page.html` (the
report), `parts.html` (its figures with their protocol, groups of faces, failures), `compare.html`, `data_card.html`,
`sweep.html`, `style.css`; `model_card.md` (README.md of a trained model, no HTML). A new page extends `base.html`
and is made by `render.render`.

Read first: `page.render_report`, then `page.html`.
"""
