"""Readable names of figures, whose names are paths such as `attributes/age/mae`: the subject, then the measure."""

_SUBJECTS = {
    "attributes": "attributes",
    "captions": "captions",
    "reconstruction": "reconstructions",
    "requests": "faces generated for requests",
    "texts": "faces generated for captions",
}
_READERS = {"model": "the model", "judge": "the judge"}
_MEASURES = {
    "accuracy": "accuracy",
    "accuracy_again": "accuracy after encoding and decoding",
    "attributes_seen": "requested attributes that are seen",
    "average_precision": "average precision",
    "balanced_accuracy": "balanced accuracy",
    "brier": "Brier score",
    "cider": "CIDEr",
    "cider_d": "CIDEr-D",
    "clip_score": "CLIP score",
    "crps": "continuous ranked probability score",
    "ece": "expected calibration error",
    "f1": "F1",
    "fact_precision": "stated facts that the labels confirm",
    "fact_recall": "facts of the labels that are stated",
    "fid": "FID",
    "frechet": "Fréchet distance",
    "kept": "answers unchanged by encoding and decoding",
    "kernel": "kernel distance",
    "kid": "KID",
    "lpips": "LPIPS",
    "lpips_to_real": "LPIPS to the real face",
    "mae": "mean absolute error",
    "mae_again": "mean absolute error after encoding and decoding",
    "mae_expectation": "mean absolute error of the expectation",
    "mae_mode": "mean absolute error of the most likely number",
    "mae_sampled": "mean absolute error of a sampled answer",
    "mae_training_mean": "mean absolute error of the training mean",
    "majority_accuracy": "accuracy of the most frequent answer",
    "median_inside": "medians inside the range",
    "meteor": "METEOR",
    "moved": "change of the answer by encoding and decoding",
    "psnr": "PSNR",
    "r_precision": "R-precision",
    "range_accuracy": "accuracy of ranges",
    "repeats": "share that repeats a fact",
    "repeats_words": "share that repeats a four-word sequence",
    "rouge_l": "ROUGE-L",
    "seen": "requested and seen",
    "shift": "shift by encoding and decoding",
    "ssim": "SSIM",
}
_NUMBERED = {"bleu_": "BLEU-{}", "coverage": "answers inside the {}% interval", "cs": "answers off by at most {}"}
_FEATURES = {"face": "in face features", "inception": "in Inception's features", "clip": "in CLIP's features"}


def title(name: str) -> str:
    """`attributes/age/mae` -> "age: mean absolute error"; a part without an entry here stays as it is."""
    first, *rest = name.split("/")
    reader = _READERS.get(rest[0], "") if first == "ceiling" and rest else ""
    *subject, measure = rest[1:] if reader else rest or [first]
    about = " ".join(subject) or ("attributes" if reader else _SUBJECTS.get(first, first))
    return f"{about}{f', read by {reader}' if reader else ''}: {_measure(measure)}"


def _measure(name: str) -> str:
    for start, words in _NUMBERED.items():
        if name.startswith(start) and name.removeprefix(start).isdecimal():
            return words.format(name.removeprefix(start))
    kind, _, network = name.rpartition("_")
    if kind and network in _FEATURES and name not in _MEASURES:
        return f"{_MEASURES.get(kind, kind.replace('_', ' '))} {_FEATURES[network]}"
    return _MEASURES.get(name, name.replace("_", " "))
