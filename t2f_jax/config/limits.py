"""Which values of a config are right: the choices and ranges of each key, and what must fit together."""

from typing import Any

from t2f_jax.errors import UserError

CHOICES = {
    "data.sources.*.kind": ("synthetic", "celeba", "utkface"),
    "image.optim.kind": ("adamw", "muon", "bert"),
    "decoder.optim.kind": ("adamw", "muon", "bert"),
    "image.train.compute_dtype": ("float32", "bfloat16"),
    "decoder.train.compute_dtype": ("float32", "bfloat16"),
    "image.model.encoder": ("vqgan", "patch"),
    "image.loss.pixel": ("l1", "l2"),
    "image.loss.codebook": ("ema", "gradient"),
    "text.kind": ("sentencepiece", "wordpiece"),
    "decoder.model.positions": ("learned", "rotary"),
    "decoder.model.norm": ("talk2face", "layernorm", "rmsnorm"),
    "decoder.model.mask": ("prefix", "causal"),
    "decoder.model.remat": ("none", "dots", "mlp", "attention", "full"),
    "decoder.model.attention": ("auto", "xla", "splash", "cudnn"),
    "decoder.loss_span": ("suffix", "all"),
    "decoder.optim.schedule": ("cosine", "linear"),
    "image.optim.schedule": ("cosine", "linear"),
    "preprocess.resize": ("crop", "squash"),  # of a model folder
    "preprocess.range": ("correct", "paper_double", "clip_double"),
}


# Smallest and largest value of numbers, by key; "*" stands for any part.
RANGES: dict[str, tuple[float, float]] = {
    "data.image_size": (8, 4096),
    "data.crop": (0.01, 1),
    "data.views": (1, 1000),
    "data.jitter": (0, 0.5),
    "data.seed": (0, 2**32 - 1),
    "data.sources.*.weight": (0, 1e6),
    "*.optim.learning_rate": (0, 10),
    "*.optim.warmup_steps": (0, 10**9),
    "*.optim.b1": (0, 1),
    "*.optim.b2": (0, 1),
    "*.train.steps": (1, 10**9),
    "*.train.batch_size": (1, 10**6),
    "*.train.seed": (0, 2**32 - 1),
    "*.train.ema": (0, 1),
    "*.train.eval_every": (1, 10**9),
    "*.train.eval_batches": (1, 10**9),
    "*.train.save_every": (1, 10**9),
    "*.train.hang_after": (0, 10**9),
    "*.train.keep_last": (1, 10**6),
    "*.train.keep_best": (0, 10**6),
    "image.model.patch": (1, 256),
    "image.model.ch": (1, 10**5),
    "image.model.num_res_blocks": (0, 100),
    "image.model.z_channels": (1, 10**5),
    "image.model.embed_dim": (1, 10**5),
    "image.model.n_embed": (2, 65536),
    "image.model.dropout": (0, 0.99),
    "image.loss.codebook_decay": (0, 1),
    "image.loss.revive_after": (0, 10**9),
    "text.vocab_size": (40, 10**6),
    "decoder.model.layers": (1, 1000),
    "decoder.model.width": (1, 10**6),
    "decoder.model.heads": (1, 10**4),
    "decoder.model.mlp": (1, 10**7),
    "decoder.model.max_length": (1, 10**7),
    "decoder.model.image_position": (0, 10**7),
    "decoder.model.dropout": (0, 0.99),
    "decoder.model.init_std": (1e-9, 10),
    "decoder.tasks.caption_share": (0, 1),
    "decoder.tasks.attribute_share": (0, 1),
    "decoder.tasks.prompt_dropout": (0, 1),
    "decoder.tasks.hidden_codes": (0, 1),
    "decoder.tasks.attributes_per_face": (0, 10**6),
    "decoder.text_length": (4, 10**6),
    "decoder.sequence_length": (8, 10**7),
    "decoder.pack": (1, 1000),
    "decoder.row_length": (0, 10**7),
    "decoder.trim": (0, 10**7),
    "decoder.accumulate": (0, 10**6),
    "decoder.vocab_multiple": (1, 10**6),
    "eval.faces": (0, 10**9),
    "eval.generated": (1, 10**9),
    "eval.samples": (1, 10**6),
    "eval.temperature": (0, 100),
    "eval.top_k": (0, 10**9),
    "eval.top_p": (1e-9, 1),
    "eval.guidance": (0, 1000),
    "eval.min_p": (0, 1),
    "eval.judge_steps": (1, 10**9),
    "eval.batch_size": (1, 10**6),
    "eval.curve_faces": (0, 10**9),
    "eval.best_of": (1, 10**6),
}


def matches(pattern: str, key: str) -> bool:
    """Does a key such as "decoder.optim.b1" fit a pattern such as "*.optim.b1"?"""
    names, parts = pattern.split("."), key.split(".")
    return len(names) == len(parts) and all(n in ("*", p) for n, p in zip(names, parts))


def check(config: Any) -> None:
    """Raises UserError where values of a `config.Config` do not fit together."""
    model = config.image.model
    for run in (config.image.train, config.decoder.train):
        _ = run.profiled  # raises
    for name, source in config.data.sources.items():
        if source.kind != "synthetic" and source.count != type(source)().count:
            raise UserError(
                f"data.sources.{name}.count={source.count}: a {source.kind} dataset is read whole; only synthetic faces"
                " are counted, and weight=0 leaves a dataset out"
            )
    if model.resolution != config.data.image_size:
        raise UserError(
            f"image.model.resolution={model.resolution} differs from data.image_size={config.data.image_size};"
            " make them equal"
        )
    if not model.ch_mult or min(model.ch_mult) < 1:
        raise UserError(f"image.model.ch_mult={model.ch_mult} must hold a whole number from 1 on for each level")
    if model.resolution % model.factor:
        raise UserError(f"image.model.resolution={model.resolution} is no multiple of the factor {model.factor}")
    if model.encoder == "patch" and len(model.ch_mult) > 1:
        raise UserError(
            f"image.model.encoder=patch has no levels to scale down by: set image.model.ch_mult=(1,) and"
            f" image.model.patch={model.factor}"
        )
    decoder = config.decoder
    if decoder.model.width % decoder.model.heads:
        raise UserError(
            f"decoder.model.width={decoder.model.width} is no multiple of decoder.model.heads={decoder.model.heads}"
        )
    if decoder.pack > 1 and decoder.row_ids < decoder.sequence_length:
        raise UserError(
            f"decoder.row_length={decoder.row_length} holds no example of decoder.sequence_length="
            f"{decoder.sequence_length} ids; {decoder.pack} packed examples want about {decoder.pack} times that"
        )
    if decoder.accumulate and decoder.train.batch_size % decoder.accumulate:
        raise UserError(
            f"decoder.train.batch_size={decoder.train.batch_size} is no multiple of decoder.accumulate="
            f"{decoder.accumulate}"
        )
    if config.eval.guidance != 1 and not decoder.tasks.prompt_dropout:
        raise UserError(
            f"eval.guidance={config.eval.guidance} needs a decoder that has met prompts without words; set"
            " decoder.tasks.prompt_dropout=0.1, or eval.guidance=1"
        )
    if decoder.text_length > decoder.sequence_length:
        raise UserError(
            f"decoder.text_length={decoder.text_length} exceeds decoder.sequence_length={decoder.sequence_length}"
        )
    if 0 < decoder.model.image_position < decoder.text_length:
        raise UserError(
            f"decoder.model.image_position={decoder.model.image_position} must be 0 (images follow their prompt) or at"
            f" least decoder.text_length={decoder.text_length}"
        )
    longest = decoder.sequence_length + decoder.model.image_position
    if longest > decoder.model.max_length:
        raise UserError(
            f"decoder.sequence_length={decoder.sequence_length} with"
            f" decoder.model.image_position={decoder.model.image_position} needs decoder.model.max_length={longest},"
            f" got {decoder.model.max_length}"
        )
