"""Faces, captions and answers from a model folder.

    model           the user's interface: generate, complete, vary, caption, analyze, score; `load` opens a folder
    face_request    a request for n faces of a prompt, and the options of `generate`, `complete`, `vary`
    reading         the level below `model`: answers and captions of pictures, from one view or two
    likelihoods     the level below that: probabilities of answers, captions, codes and prompts
    token_model     the level of arrays below that: pixels <-> codes, text -> codes, codes -> text
    engine          prepares a decoder for this machine: chooses the layout of weights and cache, and the mesh
    grammar         the ids that a span may hold: a small automaton for images, one for texts, one for each question
    decoding        samples ids: requests in, ids out; a `decoding.Watch` shows them while they are sampled
    decoding_program  prefill of the prefix, then one id after another with a cache: one compiled program, or pieces
    decoding_state  what a decoding program is compiled for, its inputs, and its state
    sampler         sampling of one id from its logits: temperature, top-k, top-p, min-p, guidance
    batching        rows of different lengths in few batches of few sizes
    scoring         exact probabilities of answers (all attributes of a face in one pass), captions and images
    answers         summaries of probabilities: a choice's most likely value, a number's median and interval
    prompt_file     faces for every line of a file, resumable, with a manifest: `t2f generate --prompts FILE`
    face_folder     checks that a folder of faces holds those of only one request

Read first: `model.Model`, then `likelihoods` and `token_model`. `decoding.generate` samples image codes and the text of
captions.
For other rooms: `model.load`, `model.Model`, `sampler.Sampler`; and, to measure or plan without a model folder,
`engine.prepare`, `decoding.Request`, `decoding.generate`, `decoding.lower`.
"""
