"""A web page to try a model, and its HTTP API: `t2f demo`. Needs Gradio (`t2f_jax[demo]`).

    server     combines page, guard and port: `run`; tests serve `make_app`
    page       the page: tabs to generate, describe and analyze, made from the model's schema
    parts      components of the page: attribute pickers, upload of a face; the state shared by page and API
    api        endpoints for programs: /generate, /describe, /analyze
    guard      allowed routes, largest size of a request, and headers of every response
    asking     checks a request and converts it for the model
    pictures   an uploaded file -> pixels; faces -> PNG files inside a page; partly generated faces
    batcher    one thread that batches the requests of several users
    work       the computation in that thread: generates, describes and analyzes faces
    views      results as HTML, from `fragments.html`
    limits     limits of requests

No files are kept: faces are embedded in the page, and an upload is deleted after a quarter of an hour. The only paths
of a request that are opened are those of uploads.

Read first: `server.run`, then `page.build`.
"""
