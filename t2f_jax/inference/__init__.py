"""A model folder, opened: faces, captions and answers out of it.

    model           what a user calls: generate, complete, vary, caption, analyze, score; `load` opens a folder
    face_request    what is asked of a model: n faces of a prompt, and the options of `generate`, `complete`, `vary`
    reading         the level below `model`: answers and captions of pictures, from one view or two
    likelihoods     the level below that: how probable answers, captions, codes and prompts are
    token_model     the level of arrays below that: pixels <-> codes, words -> codes, codes -> words
    engine          makes a decoder ready for this machine: chooses the layout of weights and cache, and the mesh
    grammar         which ids a span may hold: a small automaton for images, one for texts, one for each question
    decoding        draws ids: requests in, ids out; who wants to see them on the way gives a `decoding.Watch`
    decoding_program  prefill of the prefix, then one id after another from a cache: one compiled program, or pieces
    decoding_state  what a decoding program is compiled for, its inputs, and what changes with each id
    sampler         how one id is drawn from its logits: temperature, top-k, top-p, min-p, guidance
    batching        rows of different lengths in few batches of few sizes
    scoring         exact probabilities of answers (all attributes of a face in one pass), captions and images
    answers         what probabilities say: the likeliest of a choice, the median and an interval of a number
    prompt_file     faces for every line of a file, resumable, with a manifest: `t2f generate --prompts FILE`
    face_folder     a folder of faces holds those of one request; what would mix with them is refused

Read first: `model.Model`, then `likelihoods` and `token_model`. Codes are drawn in `decoding.generate`; so are a
caption's words.
For other rooms: `model.load`, `model.Model`, `sampler.Sampler`; and, to measure or plan without a model folder,
`engine.prepare`, `decoding.Request`, `decoding.generate`, `decoding.lower`.
"""
