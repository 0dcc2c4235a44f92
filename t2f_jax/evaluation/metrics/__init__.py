"""Metrics, one file each: arrays or texts -> `Figure`, with a protocol that names every choice that moves the number.

Captions beside given ones:

    wording            all of the following as figures
    ptb                a caption -> the tokens by which it is scored
    bleu               BLEU-1 to BLEU-4
    rouge              ROUGE-L
    cider              CIDEr-D and CIDEr
    meteor             METEOR 1.5 without paraphrases
    meteor_alignment   which words METEOR matches
    meteor_tables      what METEOR knows of English words, from the user's .jar file
    facts              what captions say, beside the labels of their faces
    extra              packages that only metrics need

Answers beside labels:

    choices        accuracy, balanced accuracy, F1, average precision, Brier score, calibration error
    numbers        errors, cumulative scores, coverage of intervals, CRPS
    range_labels   the same question where only a range of the number is known
    calibration    bins of equal mass, calibration error, the parts of the Brier score

Two sets of images, by features that are computed batch by batch:

    frechet           Fréchet distance (FID), from means and covariances alone
    kernel_distance   kernel distance (KID), unbiased, over all pairs
    manifold          precision, recall, density and coverage by nearest neighbours
    networks          feature networks: a user's Inception or CLIP, or a model's own face features

Pairs of images, faces and captions, drawn faces and training faces:

    ssim              structural similarity
    perceptual        LPIPS, with a user's files
    clip_score        CLIP score, R-precision
    clip_files        a user's CLIP: structure, weights, tokenizer
    memorization      the nearest training face of each drawn one
"""
