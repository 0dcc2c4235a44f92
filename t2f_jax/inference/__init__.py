"""A bundle -> faces, captions, answers.

    model         What a user does with a model: make, finish, vary, describe, measure and score faces.
    token_model   What a loaded model computes, arrays in and arrays out: codes of faces, faces of codes, words, proba
    engine        A decoder made ready for use: layers one by one, weights in the layout that this machine reads faste
    grammar       What a span may hold: a small automaton for each task, obeyed as a mask inside the compiled decoding
    decoding      Generation: prefill of the prefix, then one id after another from a key-value cache, all in one comp
    sampler       How the next id is drawn from its logits: temperature, top-k, top-p, min-p, and how much the words c
    scoring       Exact probabilities of answers: every attribute of a face in one pass over a tree of tokens.
    answers       What a distribution over an attribute's values says: the likeliest, the median, an interval.
    prompt_file   `t2f generate --prompts FILE`: faces for every line of a file, batched, on all devices, resumable.

Read first: `model.Model`.
"""
