"""A web page to try a model, and its HTTP API: `t2f demo`. Needs Gradio (`t2f_jax[demo]`).

    server     page, guard and port together: `run`; `make_app` is what a test serves
    page       the page: parts to generate, describe and analyze, made from the model's schema
    parts      of the page: how attributes are chosen, where a face is uploaded; what page and API are made for
    api        the same for programs: /generate, /describe, /analyze
    guard      which routes answer, how long a request's body may be, and the headers of every answer
    asking     what a person sent, checked -> what the model is asked
    pictures   an uploaded file -> pixels; faces -> PNG files inside a page; a face that is half drawn
    batcher    one thread that computes what several people ask together
    work       what that thread does: draws faces, describes and measures them
    views      results as HTML, out of `fragments.html`
    limits     how much one may ask

Nobody's file is kept: faces go into the page itself, and an upload is deleted a quarter of an hour later. No path of a
request is opened but that of an upload.

Read first: `server.run`, then `page.build`.
"""
