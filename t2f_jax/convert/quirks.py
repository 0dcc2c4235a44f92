"""Differences of the original from this project, as named options; `talk2face_2022` sets them all.

Sources: TencentPretrain `ed79843` and, for the loss, `54d5494`; see each entry.
"""

import dataclasses
from typing import Any

from t2f_jax.config.schema import Config, DecoderRunConfig, EvalConfig, Preprocess
from t2f_jax.config.typed import from_dict, to_dict

COMPAT = "talk2face_2022"


@dataclasses.dataclass(frozen=True)
class Quirk:
    """One option: its key in a model folder's config.json (`eval.*`: in its provenance.json), the original's value."""

    option: str
    value: Any
    effect: str


QUIRKS = (
    Quirk(
        "preprocess.range",
        "paper_double",
        "The inference script takes pixels to [-1, 1] and then doubles once more, so that the VQGAN reads [-3, 1]."
        " clip_double is what the training loader did (CLIP's mean and deviation, then doubled); correct is what the"
        " VQGAN was trained on. Which one the weights expect is not documented: compare captions of a few faces, and"
        " change it with --range.",
    ),
    Quirk(
        "preprocess.resize",
        "squash",
        "The whole picture is resized to a square, bilinear: faces of portraits get broader. Ours crops a square.",
    ),
    Quirk(
        "decoder.model.norm",
        "talk2face",
        "LayerNorm divides by the unbiased deviation plus 1e-6 instead of the root of variance plus epsilon: up to"
        " 3e-3 in every norm's output. Weights trained with one form need it.",
    ),
    Quirk(
        "decoder.loss_span",
        "all",
        "The release's loss counts every target but padding, including the prompt's and the image's, although the"
        " prefix shows their answers: much of the loss is copying. Ours counts only the answer (suffix).",
    ),
    Quirk(
        "decoder.text_length",
        64,
        "A to-image prompt is cut to 64 ids, frame included; a longer one loses its end and its closing [SEP].",
    ),
    Quirk(
        "decoder.init_biases",
        True,
        "Training from scratch initializes biases, too, from N(0, 0.02); norms start at 1 and 0. Our biases start at"
        " 0.",
    ),
    Quirk(
        "decoder.codebook_init",
        False,
        "Training from scratch initializes the rows of image ids like all others. Here similar codes start similar.",
    ),
    Quirk(
        "decoder.optim.kind",
        "bert",
        "BERT's AdamW does not correct its moments' bias: its first updates are about three times as large.",
    ),
    Quirk(
        "decoder.optim.schedule",
        "linear",
        "Linear warm-up from 0 (the first update changes nothing), then linearly to 0. Ours falls by a cosine.",
    ),
    Quirk("decoder.optim.warmup_steps", 10_000, "A tenth of its 100,000 steps."),
    Quirk("decoder.optim.learning_rate", 2e-5, "Its default."),
    Quirk("decoder.optim.b2", 0.999, "Its default."),
    Quirk("decoder.optim.eps", 1e-6, "Its default."),
    Quirk("decoder.optim.weight_decay", 0.01, "Embeddings decay, too, as here; biases and norms do not."),
    Quirk("decoder.optim.clip_norm", 0.0, "Gradients are not clipped."),
    Quirk("eval.temperature", 1.0, "Sampling at the model's own temperature,"),
    Quirk("eval.top_k", 70, "among the 70 most likely ids (ties with the 70th stay),"),
    Quirk("eval.top_p", 1.0, "without top-p."),
)

NOT_REPRODUCED = (
    "Answers are cut at any id whose digits hold 102 (6, 7, 8, 9, ':' among them): here only [SEP] ends an answer.",
    "Image ids may be sampled in text and text ids in images, which then crash: here each span samples its own kind.",
    "Images run on to the sequence's end and the surplus is dropped: here generation stops after the last code.",
    "Word pieces are printed unjoined ('capt ##ion'): here they are joined.",
    "Scores of hidden keys are -10000 instead of -1e9: after the softmax both are exactly 0.",
    "Weight decay is applied after an update instead of with it: a difference of rate^2 x decay x update.",
    "The original's loader never shuffles, and its schedule is sized in micro-steps: here data is shuffled by (seed,"
    " step).",
    "Its 'dalle' training rows, with no task prompt and no [SEP] around the image, do not run at its newest version:"
    " rows here are those of its inference script. Its newest loss counts pads as targets; the release's does not.",
    "The VQGAN stays in training mode, which changes nothing: it has neither dropout nor batch norm.",
)


def set_in(config: Any) -> None:
    """Sets every quirk of training and sampling in an experiment's ConfigDict; not those of preprocessing."""
    for quirk in QUIRKS:
        if not quirk.option.startswith("preprocess."):
            _put(config, quirk)


def _put(values: Any, quirk: Quirk) -> None:
    """Sets a quirk's option in a nested dictionary or ConfigDict."""
    *groups, key = quirk.option.split(".")
    for group in groups:
        values = values[group]
    values[key] = quirk.value


def options(compat: bool) -> tuple[DecoderRunConfig, EvalConfig, Preprocess]:
    """-> (decoder run, evaluation, preprocessing) with every quirk set, or with none."""
    values = to_dict(Config()) | {"preprocess": to_dict(Preprocess())}
    for quirk in QUIRKS if compat else ():
        _put(values, quirk)
    return (
        from_dict(DecoderRunConfig, values["decoder"], "decoder."),
        from_dict(EvalConfig, values["eval"], "eval."),
        from_dict(Preprocess, values["preprocess"], "preprocess."),
    )


def explain() -> str:
    """Every quirk and what it does, as text."""
    lines = [
        f"{COMPAT} sets these options, on import of an original model and in the config talk2face_base:{COMPAT}:",
        "(kept in the model folder's config.json, eval.* in its provenance.json; `t2f train` uses its own config)",
        "",
    ]
    for quirk in QUIRKS:
        lines += [f"  {quirk.option} = {quirk.value}", f"      {quirk.effect}"]
    lines += ["", "Not reproduced, because it only loses output or changes nothing:", ""]
    return "\n".join(lines + [f"  - {text}" for text in NOT_REPRODUCED])
