"""Ablations on drawn faces: quickstart's model after 1,000 steps, with one thing changed at a time.

    t2f sweep ablations --out runs/ablations
    t2f sweep ablations:all --out runs/ablations           (the argument `all`: more variants; finished runs are kept)
    t2f sweep ablations:faces --out runs/ablations-faces   (the argument `faces`: all of them on CelebA and UTKFace)

Time: an hour on two shared CPU cores; three seeds. Figures, as differences from the baseline with 95% intervals: rotary
positions are worse (loss +0.158 nats [+0.123, +0.194]; true facts in captions -5.7 points [-8.1, -3.3]), and so is a
causal mask, but barely (+0.003 nats [+0.001, +0.005]); varied captions state 51 points fewer of the facts [41, 60], and
85 points more captions repeat one [70, 101]. No difference was shown for the loss on all ids, nor for one model per
task at the same total budget: three seeds can show differences of 3 points in answers, 14 in requests.
"""

import ml_collections

from t2f_jax import config

LOOKED_AT = (
    *("attributes/accuracy", "attributes/age/mae", "requests/attributes_seen"),
    *("captions/fact_precision", "captions/fact_recall", "held_out/loss"),
)


def get_config(arg: str = "") -> ml_collections.ConfigDict:
    config.check_argument(arg, "all", "faces")
    if arg == "faces":
        return config.shipped("faces")
    c = config.shipped("quickstart")
    c.name = "ablations"
    c.image.train.steps = 800
    d = c.decoder
    d.optim.kind, d.optim.learning_rate, d.optim.warmup_steps = "adamw", 2e-3, 100  # as the figures above were measured
    d.train.batch_size = 8
    d.train.steps = 1000
    d.train.ema = 0.99
    d.train.eval_every, d.train.save_every = 100, 500
    d.train.eval_batches = 32
    c.eval.captions = "words"  # to compare captions that the model generates
    c.eval.faces = c.eval.generated = 128
    c.eval.samples, c.eval.curve_faces = 4, 0
    c.eval.judge_steps = 400
    return c


def sweep(arg: str = "") -> config.Sweep:
    c = get_config(arg)
    style = "varied" if c.decoder.tasks.caption_style == "plain" else "plain"
    arms = [
        config.Arm("causal", {"decoder.model.mask": "causal"}, "Does the prefix need bidirectional attention?", "mask"),
        config.Arm(
            "loss-on-all",
            {"decoder.loss_span": "all"},
            "Is a loss on the target alone better than one on the prefix, too, as in the original?",
            "loss",
            tuple(name for name in LOOKED_AT if name != "held_out/loss"),
        ),
        config.Arm("rotary", {"decoder.model.positions": "rotary"}, "Learned or rotary positions?", "positions"),
        config.Arm(
            f"{style}-captions",
            {"decoder.tasks.caption_style": style},
            "Should training captions state each fact once, or vary in words and order as prompts do?",
            "caption templates",
            ("captions/fact_precision", "captions/fact_recall", "captions/repeats"),
        ),
        *specialists(c),
    ]
    return config.Sweep([*arms, *(more(c) if arg else ())], LOOKED_AT)


def specialists(c: ml_collections.ConfigDict) -> list[config.Arm]:
    """A model for each task: together they take the joint model's steps, and each gets its task's share of them."""
    question = "One model for all tasks, or one per task, at the same total budget?"
    looked_at = {
        "to_image": ("requests/attributes_seen",),
        "to_caption": ("captions/fact_precision", "captions/fact_recall"),
        "to_attributes": ("attributes/accuracy", "attributes/age/mae"),
    }
    shares = {task: c.decoder.tasks[task] for task in looked_at}
    arms = []
    for task, names in looked_at.items():
        steps = max(1, round(c.decoder.train.steps * shares[task] / sum(shares.values())))
        changes = {f"decoder.tasks.{other}": float(other == task) for other in looked_at}
        changes |= {"decoder.train.steps": steps, "decoder.optim.warmup_steps": min(100, steps // 5)}
        arms.append(config.Arm(f"{task}-only", changes, question, "one model for all tasks", names))
    return arms


def codebook(size: int) -> config.Arm:
    question = "How many codes?"
    return config.Arm(
        f"{size}-codes",
        {"image.model.n_embed": size},
        question,
        "codebook",
        (*(name for name in LOOKED_AT if name != "held_out/loss"), "reconstruction/psnr"),
    )


def factor(model: ml_collections.ConfigDict, looked_at: tuple[str, ...]) -> config.Arm:
    patch, grid = 2 * model.patch, model.resolution // (2 * model.patch)  # the model has no other levels
    changes = {"image.model.patch": patch}
    if model.scales:
        changes["image.model.scales"] = (*(side for side in model.scales if side < grid), grid)
    return config.Arm(f"{patch}-pixels", changes, "How many pixels should a code cover?", "factor", looked_at)


def more(c: ml_collections.ConfigDict) -> list[config.Arm]:
    looked_at = codebook(0).figures
    even = dict.fromkeys((f"decoder.tasks.{task}" for task in ("to_image", "to_caption", "to_attributes")), 1 / 3)
    judged = tuple(name for name in LOOKED_AT if name != "held_out/loss")
    return [
        codebook(c.image.model.n_embed // 4),
        codebook(4 * c.image.model.n_embed),
        factor(c.image.model, looked_at),
        config.Arm("even-mixture", even, "Which share of the rows should each task have?", "task mixture", judged),
        config.Arm(
            "no-hidden-codes",
            {"decoder.tasks.hidden_codes": 0.0},
            "Does hiding some of a face's codes in training help?",
            "hidden codes",
        ),
    ]
