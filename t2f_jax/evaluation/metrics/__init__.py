"""Metrics, one file each: arrays or texts -> `Figure`, whose protocol names every choice that changes the number.

Captions compared with reference captions:

    wording            BLEU, ROUGE-L, CIDEr and METEOR as figures
    ptb                Penn Treebank tokens of a caption, for scoring
    bleu               BLEU-1 to BLEU-4
    rouge              ROUGE-L
    cider              CIDEr-D and CIDEr
    meteor             METEOR 1.5 without paraphrases
    meteor_alignment   which words METEOR matches
    meteor_tables      METEOR's tables of English words, from the user's .jar file
    facts              facts that captions state, compared with the labels of their faces
    extra              packages that only metrics need

Answers compared with labels:

    choices        accuracy, balanced accuracy, F1, average precision, Brier score, calibration error
    numbers        errors, cumulative scores, coverage of intervals, CRPS
    range_labels   the same for numbers of which only a range is known
    calibration    bins of equal mass, calibration error, the decomposition of the Brier score

Two sets of images, by features computed in batches:

    frechet           Fréchet distance (FID), from means and covariances
    kernel_distance   kernel distance (KID), unbiased, over all pairs
    manifold          precision, recall, density and coverage by nearest neighbours
    networks          feature networks: a user's Inception or CLIP, or a model's own face features

Pairs of images, faces and captions, generated and training faces:

    ssim              structural similarity
    perceptual        LPIPS, with a user's files
    clip_score        CLIP score, R-precision
    clip_files        a user's CLIP: structure, weights, tokenizer
    memorization      the nearest training face of each generated one
"""
