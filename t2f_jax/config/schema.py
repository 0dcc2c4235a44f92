"""One experiment as typed, frozen values: the only place that names a hyperparameter (`configs/` chooses its value)."""

import dataclasses

from t2f_jax.errors import UserError


@dataclasses.dataclass(frozen=True)
class SourceConfig:
    """One dataset of the mixture."""

    kind: str = "synthetic"  # synthetic | celeba | utkface
    folder: str = ""  # where it lies; empty: $T2F_DATA/<official folder name>
    weight: float = 1.0  # share of the training mixture; 0 leaves it out
    count: int = 10_000  # synthetic only: number of faces (train, validation and test together)


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Pixels and their sources."""

    image_size: int = 64
    crop: float = 1.0  # side of the centred square crop, as a share of the shorter image side
    views: int = 1  # codes kept per training face: 1 = the plain view, more = flipped, shifted and scaled ones too
    flip: bool = False  # may training mirror a face?
    jitter: float = 0.0  # largest shift and scale change of an augmented view, as a share of the side
    seed: int = 0
    sources: dict[str, SourceConfig] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class OptimConfig:
    """AdamW or Muon under linear warm-up and a decay."""

    kind: str = "adamw"  # adamw | muon (dense kernels; the rest by NAdam) | bert (AdamW without bias correction)
    learning_rate: float = 1e-3
    warmup_steps: int = 100
    final_fraction: float = 0.0  # learning rate at the end, as a share of the peak
    weight_decay: float = 0.01
    b1: float = 0.9
    b2: float = 0.99
    eps: float = 1e-8
    clip_norm: float = 1.0  # global norm; 0 = off
    schedule: str = "cosine"  # cosine | linear (from 0 up and down to 0: the original's)


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """What a training loop needs to know, whichever trainer it runs."""

    steps: int = 1000
    batch_size: int = 32
    seed: int = 0
    ema: float = 0.999  # decay of the weights' moving average; 0 = off
    compute_dtype: str = "float32"  # float32 | bfloat16
    eval_every: int = 200
    eval_batches: int = 8
    save_every: int = 200
    keep_last: int = 2
    keep_best: int = 1
    hang_after: float = 1800.0  # seconds without the end of a step after which a process gives up; 0 = never
    # "data=2,fsdp=4,tensor=1"; empty: all devices on data (as many as divide the batch), and on known chips as many of
    # them on fsdp as the decoder's memory needs by an estimate.
    mesh: str = ""
    profile: str = ""  # steps that a profiler traces into DIR/tensorboard, such as "100-105"; empty: none

    @property
    def profiled(self) -> range:
        """The steps of `profile`. Raises UserError if it is no FIRST-LAST within the run's steps."""
        if not self.profile:
            return range(0)
        first, _, last = self.profile.partition("-")
        if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last) <= self.steps):
            raise UserError(
                f"train.profile={self.profile} must be FIRST-LAST, such as 100-105, within the run's {self.steps} steps"
            )
        return range(int(first), int(last) + 1)


@dataclasses.dataclass(frozen=True)
class VQGANConfig:
    """Structure of the image tokenizer (taming-transformers' VQModel); `patch=1` is the original's."""

    resolution: int = 64
    in_channels: int = 3
    patch: int = 1  # pixels folded into channels before conv_in (space to depth), unfolded after conv_out
    encoder: str = "vqgan"  # vqgan | patch (each code is a function of its own patch alone; needs ch_mult=(1,))
    ch: int = 32
    ch_mult: tuple[int, ...] = (1, 2, 4, 4)
    num_res_blocks: int = 1
    attn_resolutions: tuple[int, ...] = (8,)  # in units of the feature map's side
    z_channels: int = 64
    embed_dim: int = 32
    n_embed: int = 512
    dropout: float = 0.0

    @property
    def factor(self) -> int:
        """Pixels per code along a side."""
        return self.patch * 2 ** (len(self.ch_mult) - 1)

    @property
    def grid(self) -> int:
        """Codes along a side of an image."""
        return self.resolution // self.factor

    @property
    def tokens(self) -> int:
        """Codes per image."""
        return self.grid**2


@dataclasses.dataclass(frozen=True)
class TokenizerLossConfig:
    """What the image tokenizer minimizes, and how its codebook moves."""

    pixel: str = "l2"  # l1 | l2
    codebook: str = "ema"  # ema | gradient
    codebook_decay: float = 0.99  # of the EMA codebook
    commitment: float = 0.25
    revive_after: int = 50  # steps without use after which a code is moved onto an encoder output; 0 = never
    perceptual_weights: str = ""  # VGG16/LPIPS weights file (.npz or .safetensors); empty: no perceptual loss
    perceptual: float = 1.0
    discriminator: float = 0.0  # weight of the adversarial loss; 0 = no discriminator
    discriminator_start: int = 1000  # step at which it sets in
    discriminator_ch: int = 64
    discriminator_layers: int = 2


@dataclasses.dataclass(frozen=True)
class ImageTokenizerConfig:
    """The image tokenizer and its training."""

    model: VQGANConfig = VQGANConfig()
    loss: TokenizerLossConfig = TokenizerLossConfig()
    optim: OptimConfig = OptimConfig()
    train: TrainConfig = TrainConfig()


@dataclasses.dataclass(frozen=True)
class TextConfig:
    """The text tokenizer."""

    kind: str = "sentencepiece"  # sentencepiece | wordpiece
    vocab_size: int = 1000  # of a SentencePiece model that `prepare` trains (an upper bound: small corpora give fewer)
    phrases: bool = False  # SentencePiece: "not hat" and "hair color : red" are one piece each
    vocab_file: str = ""  # WordPiece: the vocabulary file


@dataclasses.dataclass(frozen=True)
class TaskConfig:
    """The mixture of tasks and what a sequence of each holds."""

    to_image: float = 0.4  # shares of the training sequences
    to_caption: float = 0.2
    to_attributes: float = 0.4
    attributes_per_face: int = 8  # branches of a to-attributes sequence; 0 = all that are known
    caption_share: float = 0.4  # of to-image prompts: caption alone
    attribute_share: float = 0.3  # attributes alone; the rest has both
    prompt_dropout: float = 0.0  # of to-image rows: share whose prompt says nothing, for classifier-free guidance
    hidden_codes: float = 0.0  # of to-image rows: mean share of the codes read so far that training hides (1 = all)
    image_weight: float = 1.0  # loss weight of a target token, by task
    caption_weight: float = 1.0
    attribute_weight: float = 1.0


@dataclasses.dataclass(frozen=True)
class DecoderConfig:
    """Structure of the prefix-LM transformer."""

    layers: int = 4
    width: int = 192
    heads: int = 6
    mlp: int = 768
    max_length: int = 256  # rows of a learned position table; longest sequence
    positions: str = "learned"  # learned | rotary
    image_position: int = 0  # of an image's first code, whatever stands before it; 0: the next one, as the original's
    norm: str = "layernorm"  # talk2face | layernorm | rmsnorm
    mask: str = "prefix"  # prefix | causal
    tie: bool = False  # head = word embedding
    bias: bool = True
    segments: bool = True  # segment embedding (0 pad, 1 prefix, 2 target)
    dropout: float = 0.0
    init_std: float = 0.02
    scan: bool = True  # training stacks the layers; a model folder holds them one by one
    remat: str = "none"  # none | dots | mlp | attention | full: from most memory to most computing
    attention: str = "auto"  # xla | splash (TPU kernel) | cudnn (GPU kernel); auto: the device's kernel where it can


@dataclasses.dataclass(frozen=True)
class DecoderRunConfig:
    """The decoder and its training."""

    model: DecoderConfig = DecoderConfig()
    tasks: TaskConfig = TaskConfig()
    optim: OptimConfig = OptimConfig()
    train: TrainConfig = TrainConfig()
    sequence_length: int = 160  # most ids of one example, which is a training row unless examples are packed
    pack: int = 1  # examples that share a row (train.batch_size counts rows)
    row_length: int = 0  # ids of a packed row; 0: pack * sequence_length
    # Rows of one example end with the batch's longest, at a multiple of this; 0: at sequence_length, as always with
    # several processes, whose rows would differ in length (dropout and hidden codes are then drawn otherwise, too).
    trim: int = 0
    # Parts of a batch whose gradients are summed up one after the other, to save memory; 0: as few as the devices'
    # memory allows by an estimate (dropout and hidden codes are drawn a part at a time).
    accumulate: int = 1
    vocab_multiple: int = 1  # the tables' rows are filled up to a multiple of this while training
    text_length: int = 64  # most ids that a text prefix may take, its frame included (the original's 64)
    loss_span: str = "suffix"  # suffix (targets only) | all (prefix too, as the original's release did)
    codebook_init: bool = True  # image ids start as projections of their codes' vectors: like codes begin alike
    init_biases: bool = False  # biases start as drawn as weights do (the original's), not at 0
    init_from: str = ""  # a model folder to start from

    @property
    def row_ids(self) -> int:
        """Ids of a training row."""
        return self.sequence_length if self.pack == 1 else self.row_length or self.pack * self.sequence_length


@dataclasses.dataclass(frozen=True)
class EvalConfig:
    """How a model is measured."""

    faces: int = 500  # test faces per source that are analysed; 0 = all
    generated: int = 500  # faces generated for the judge
    samples: int = 16  # faces generated for the report
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 0.95
    guidance: float = 1.0  # how much the words count (see sampling.Sampler); above 1 needs tasks.prompt_dropout
    min_p: float = 0.0
    judge_steps: int = 600
    batch_size: int = 64
    guidance_scales: tuple[float, ...] = (1.0, 2.0, 3.0, 4.0, 6.0)  # of the curve of what the judge sees over guidance
    curve_faces: int = 64  # requests at each of them, and of self-reranking; 0 = neither is measured
    best_of: int = 16  # faces that self-reranking chooses from


@dataclasses.dataclass(frozen=True)
class Config:
    """A whole experiment."""

    name: str = "t2f"
    data: DataConfig = DataConfig()
    image: ImageTokenizerConfig = ImageTokenizerConfig()
    text: TextConfig = TextConfig()
    decoder: DecoderRunConfig = DecoderRunConfig()
    eval: EvalConfig = EvalConfig()
