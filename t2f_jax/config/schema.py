"""One experiment as typed, frozen values. All hyperparameters are defined here; `configs/` sets their values.

A field's type describes it completely: its kind of value, its choices (`Literal`), its range (`Range`) and its `Role`.
"""

import dataclasses
import enum
from typing import Annotated, Literal

from t2f_jax.config.typed import SPARSE, Range
from t2f_jax.errors import WrongArgument


class Role(enum.Enum):
    """What a value does not influence. It is part of a field's type, as in `Annotated[str, Role.FREE]`."""

    FREE = enum.auto()  # when and where a run works, never which numbers come out: a resumed run may change it
    STORE_ONLY = enum.auto()  # the codes of a store; the image tokenizer that makes them does not depend on it
    NOT_STRUCTURE = enum.auto()  # no weight's shape or meaning: weights trained with one value fit another
    TRAINING_ONLY = enum.auto()  # NOT_STRUCTURE, and an exported model does not need it either


Count = Annotated[int, Range(1, 10**9)]
CountOrNone = Annotated[int, Range(0, 10**9)]
Share = Annotated[float, Range(0, 1)]
Dropout = Annotated[float, Range(0, 0.99)]
Crop = Annotated[float, Range(0.01, 1)]  # side of a centred square crop, as a share of the shorter side
Seed = Annotated[int, Range(0, 2**32 - 1)]
Resize = Literal["crop", "squash", "landmarks"]  # what of a picture becomes a square, see `io.framing`
Filter = Literal["auto", "dct", "bicubic", "bilinear", "lanczos", "box"]
Copies = Literal["report", "drop_leaked", "drop"]  # see `data.copies.find`
PixelRange = Literal["correct", "paper_double", "clip_double"]  # see `models.image_tokenizer.to_unit`


@dataclasses.dataclass(frozen=True)
class SourceConfig:
    """One dataset of the mixture."""

    kind: str = "synthetic"  # which dataset: `t2f data list` lists all; checked when sources are opened
    folder: Annotated[str, Role.FREE] = ""  # its folder; empty: $T2F_DATA/<official folder name>
    partition: str = ""  # the name of a published partition of the dataset; empty: the dataset's own rule
    # The folder of CelebA, for a dataset of its images, whose splits are CelebA's; empty: that of a source of kind
    # celeba, beside the dataset's own folder, or in $T2F_DATA.
    celeba: Annotated[str, Role.FREE, SPARSE] = ""
    # Own data: the meaning of its columns, such as "caption=text, age=years, none=notes"; none leaves a column out.
    columns: str = ""
    weight: Annotated[float, Range(0, 1e6)] = 1.0  # share of the training mixture; 0 leaves the source out
    count: int = 10_000  # drawn faces only: their number (train, validation and test together)


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Pixels and their sources."""

    image_size: Annotated[int, Range(8, 4096)] = 64  # pixels of a side
    crop: Crop = 1.0  # side of a centred square of the picture, as a share of its shorter side
    # crop: a centred square; squash: the whole picture, whatever its aspect ratio; landmarks: eyes, nose and mouth are
    # aligned to ArcFace's positions, in datasets with landmarks (other faces are cropped); crop=0.667 is as close.
    resize: Annotated[Resize, SPARSE] = "crop"
    # Filter of resizing, with antialiasing. auto: bicubic, very large pictures are first reduced by a whole number; for
    # squash bilinear, as the original. dct: like auto, but JPEGs of twice the size or more are scaled while decoding.
    filter: Annotated[Filter, SPARSE] = "auto"
    # Views of a training face that are encoded: 1 = the face itself, more = also flipped, shifted and scaled ones.
    views: Annotated[int, Range(1, 1000), Role.STORE_ONLY] = 1
    flip: bool = False  # training may mirror a face
    jitter: Annotated[float, Range(0, 0.5)] = 0.0  # largest shift and scale change of a view, as a share of the side
    seed: Seed = 0  # of splits, views and drawn faces
    # Copies of a picture, also recompressed, resized or mirrored ones. report: the store's copies.jsonl lists them;
    # drop_leaked: also, train keeps no copy of a validation or test face, nor validation one of test; drop: one stays.
    copies: Annotated[Copies, Role.STORE_ONLY] = "report"
    # A file of hashes of pictures to exclude, as `t2f data hash` prints them (public-data.md); empty: none.
    opt_out: Annotated[str, Role.FREE] = ""
    sources: dict[str, SourceConfig] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class OptimConfig:
    """AdamW or Muon with linear warm-up and a decay schedule."""

    # muon: the kernels of dense layers by Muon, the rest by NAdam. bert: AdamW without bias correction.
    kind: Literal["adamw", "muon", "bert"] = "adamw"
    learning_rate: Annotated[float, Range(0, 10)] = 1e-3  # the peak
    warmup_steps: CountOrNone = 100  # steps in which the learning rate rises to its peak
    final_fraction: float = 0.0  # learning rate at the end, as a share of the peak
    weight_decay: float = 0.01  # decoupled; biases and norm scales have none
    b1: Share = 0.9  # decay of the mean of gradients
    b2: Share = 0.99  # decay of the mean of squared gradients
    eps: float = 1e-8  # added to the root of the squared gradients' mean
    clip_norm: float = 1.0  # global norm; 0 = off
    schedule: Literal["cosine", "linear"] = "cosine"  # linear: from 0 up and down to 0 again, as the original's


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """Settings of the training loop, for all trainers."""

    steps: Count = 1000  # updates of the weights
    batch_size: Annotated[int, Range(1, 10**6)] = 32  # images or rows of one step, on all devices together
    seed: Seed = 0  # of the initial weights, the order of the data and the randomness of training
    ema: Share = 0.999  # decay of the weights' moving average; 0 = off
    compute_dtype: Literal["float32", "bfloat16"] = "float32"  # of activations; weights stay float32
    eval_every: Annotated[Count, Role.FREE] = 200  # steps from one evaluation on validation faces to the next
    eval_batches: Count = 8  # batches of an evaluation
    save_every: Annotated[Count, Role.FREE] = 200  # steps from one checkpoint to the next
    keep_last: Annotated[int, Range(1, 10**6), Role.FREE] = 2  # the newest checkpoints that are kept
    # Checkpoints with the lowest evaluation loss that are kept.
    keep_best: Annotated[int, Range(0, 10**6), Role.FREE] = 1
    # Seconds without a finished step after which a process exits; 0 = never.
    hang_after: Annotated[float, Range(0, 10**9), Role.FREE] = 1800.0
    # Such as "data=2,fsdp=4,tensor=1"; empty: all devices on data (as many as divide the batch), and on known chips as
    # many of them on fsdp as the decoder's memory needs by an estimate.
    mesh: Annotated[str, Role.FREE] = ""
    # Steps that a profiler traces into DIR/tensorboard, such as "100-105"; empty: none.
    profile: Annotated[str, Role.FREE] = ""

    @property
    def profiled(self) -> range:
        """The steps of `profile`. Raises WrongArgument if it is no FIRST-LAST within the run's steps."""
        if not self.profile:
            return range(0)
        first, _, last = self.profile.partition("-")
        if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last) <= self.steps):
            raise WrongArgument(
                f"train.profile={self.profile} must be FIRST-LAST, such as 100-105, within the run's {self.steps} steps"
            )
        return range(int(first), int(last) + 1)


@dataclasses.dataclass(frozen=True)
class VQGANConfig:
    """Structure of the image tokenizer (taming-transformers' VQModel); `patch=1` is the original's."""

    resolution: Annotated[int, Range(1, 2**16)] = 64  # pixels of a side; equal to data.image_size
    in_channels: Annotated[int, Range(1, 64)] = 3  # red, green and blue
    # Side of the squares of pixels folded into channels before conv_in (space to depth) and unfolded after conv_out.
    patch: Annotated[int, Range(1, 256)] = 1
    encoder: Literal["vqgan", "patch"] = "vqgan"  # patch: a code depends only on its own patch; needs ch_mult=(1,)
    ch: Annotated[int, Range(1, 10**5)] = 32  # channels of the first level
    # Channels of each level, as multiples of ch; each level but the first halves the resolution.
    ch_mult: tuple[Annotated[int, Range(1, 1000)], ...] = (1, 2, 4, 4)
    num_res_blocks: Annotated[int, Range(0, 100)] = 1  # residual blocks per level
    attn_resolutions: tuple[Annotated[int, Range(1, 2**16)], ...] = (8,)  # sides of the feature maps with attention
    z_channels: Annotated[int, Range(1, 10**5)] = 64  # channels of the encoder's output and the decoder's input
    embed_dim: Annotated[int, Range(1, 10**5)] = 32  # length of a code's vector
    n_embed: Annotated[int, Range(2, 65536)] = 512  # codes of the codebook
    # Sides of an image's grids of codes, coarse to fine, such as (4, 8, 8): each encodes the residual of those before,
    # and each side divides the last, which is the encoder's. Empty: only that grid, as the original.
    scales: tuple[Annotated[int, Range(1, 2**16)], ...] = ()
    dropout: Dropout = 0.0  # dropout rate in residual blocks

    @property
    def factor(self) -> int:
        """Pixels per code along a side."""
        return self.patch * 2 ** (len(self.ch_mult) - 1)

    @property
    def grid(self) -> int:
        """Codes along a side of an image, in its finest grid."""
        return self.resolution // self.factor

    @property
    def grids(self) -> tuple[int, ...]:
        """Sides of the grids of codes, coarse to fine."""
        return self.scales or (self.grid,)

    @property
    def tokens(self) -> int:
        """Codes per image."""
        return sum(side**2 for side in self.grids)


@dataclasses.dataclass(frozen=True)
class Preprocess:
    """Preprocessing of a picture before it is encoded. Part of a model folder, not of an experiment."""

    crop: Crop = 1.0
    resize: Resize = "crop"
    range: PixelRange = "correct"  # how pixels are scaled for the encoder
    filter: Annotated[Filter, SPARSE] = "auto"


@dataclasses.dataclass(frozen=True)
class TokenizerLossConfig:
    """The image tokenizer's losses, and the updates of its codebook."""

    pixel: Literal["l1", "l2"] = "l2"  # distance of image and reconstruction: absolute or squared
    # ema: codes are moving averages of encoder outputs; gradient: they are trained by gradients.
    codebook: Literal["ema", "gradient"] = "ema"
    codebook_decay: Share = 0.99  # of the EMA codebook
    commitment: float = 0.25  # weight of the distance from an encoder output to its code
    revive_after: CountOrNone = 50  # steps without use after which a code is reset to an encoder output; 0 = never
    perceptual_weights: str = ""  # VGG16/LPIPS weights (.npz, .safetensors, .pth); empty: no perceptual loss
    perceptual: float = 1.0  # weight of the perceptual loss
    # Weight of the label distance: a small network learns the faces' labels in the same run, and its features of the
    # image and of the reconstruction are compared, so that codes keep information on labels; 0 = none.
    labels: float = 0.0
    labels_ch: int = 64  # channels of the first layer of the network that learns labels
    # Weight of the cross-entropy of a small network that predicts the labels from the coarsest grid of codes, or from
    # the sum of all grids of that side, so that these codes hold information on labels; 0 = none.
    code_labels: float = 0.0
    discriminator: float = 0.0  # weight of the adversarial loss; 0 = no discriminator
    discriminator_start: int = 1000  # the first step with an adversarial loss
    discriminator_ch: int = 64  # channels of the first layer of the discriminator
    discriminator_layers: int = 2  # convolutions of stride 2 in the discriminator


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

    kind: Literal["sentencepiece", "wordpiece"] = "sentencepiece"  # wordpiece: with the original's vocabulary
    # Pieces of the SentencePiece model that `prepare` trains, at most: a small corpus gives fewer.
    vocab_size: Annotated[int, Range(40, 10**6)] = 1000
    phrases: bool = False  # SentencePiece: "not hat" and "hair color : red" are one piece each
    # SentencePiece: each number that a label may have, such as "34", is one piece instead of one for each digit.
    numbers: bool = False
    vocab_file: str = ""  # WordPiece: the vocabulary file


@dataclasses.dataclass(frozen=True)
class TaskConfig:
    """The mixture of tasks, and the contents of their sequences."""

    to_image: float = 0.4  # share of training sequences that are text to face
    to_caption: float = 0.2  # share that are face to caption
    to_attributes: float = 0.4  # share that are face to labels
    # Captions to learn for a face that has none. varied: as in prompts, with changing words and order; plain: each fact
    # once, the most informative first, so that the most likely caption repeats nothing.
    caption_style: Literal["varied", "plain"] = "varied"
    # Standard deviation of the Gaussian noise that training adds to a number such as an age, as a share of the number,
    # so that similar ages become similar answers.
    number_noise: Share = 0.0
    # Questions in a to-attributes sequence; 0 = all with a label.
    attributes_per_face: Annotated[int, Range(0, 10**6)] = 8
    caption_share: Share = 0.4  # of to-image prompts: share with only a caption
    attribute_share: Share = 0.3  # of to-image prompts: share with only attributes; the rest have both
    # For faces with captions and labels: share of captions that are made from the labels instead.
    label_captions: Share = 0.0
    clause_dropout: Share = 0.0  # probability of leaving out each sentence and clause of a prompt's caption
    prompt_dropout: Share = 0.0  # of to-image rows: share with an empty prompt, for classifier-free guidance
    hidden_codes: Share = 0.0  # of to-image rows: mean share of previous codes that training masks (1 = all)
    # Of to-caption and to-attributes rows: mean share of the image's codes that training leaves out, except the first
    # `coarse_codes`. This makes room for more questions.
    code_dropout: Share = 0.0
    image_weight: float = 1.0  # loss weight of a token of a face
    # How many of a face's first codes, such as those of the first of `image.model.scales`, are weighted by
    # `coarse_weight`; 0 = none. Text describes the whole face, but most codes describe details.
    coarse_codes: Annotated[int, Range(0, 10**6)] = 0
    coarse_weight: float = 1.0  # loss weight of each of them, times `image_weight`
    caption_weight: float = 1.0  # loss weight of a token of a caption
    attribute_weight: float = 1.0  # loss weight of a token of labels
    # row: the labels of a row share `attribute_weight`, so that a face with few counts as much as one with many.
    attribute_weight_per: Literal["token", "row"] = "token"


@dataclasses.dataclass(frozen=True)
class DecoderConfig:
    """Structure of the prefix-LM transformer."""

    layers: Annotated[int, Range(1, 1000)] = 4  # transformer layers
    width: Annotated[int, Range(1, 10**6)] = 192  # width of the residual stream
    heads: Annotated[int, Range(1, 10**4)] = 6  # attention heads; must divide the width
    mlp: Annotated[int, Range(1, 10**7)] = 768  # hidden width of a layer's MLP
    max_length: Annotated[int, Range(1, 10**7)] = 256  # rows of a learned position table: the longest sequence
    positions: Literal["learned", "rotary"] = "learned"  # learned: a table of vectors; rotary: RoPE
    # Position of an image's first code, whatever precedes it; 0: the next position, as in the original.
    image_position: Annotated[int, Range(0, 10**7)] = 0
    # talk2face: the original's, which divides by the unbiased standard deviation; rmsnorm: without a mean.
    norm: Literal["talk2face", "layernorm", "rmsnorm"] = "layernorm"
    # prefix: bidirectional attention in the prefix; causal: from left to right everywhere.
    mask: Literal["prefix", "causal"] = "prefix"
    tie: bool = False  # the output head shares the word embedding
    bias: bool = True  # biases of dense layers
    segments: bool = True  # segment embedding (0 pad, 1 prefix, 2 target)
    dropout: Annotated[Dropout, Role.NOT_STRUCTURE] = 0.0  # dropout rate in training
    init_std: Annotated[float, Range(1e-9, 10), Role.TRAINING_ONLY] = 0.02  # standard deviation of the initial weights
    # Training stacks the layers and scans over them; a model folder holds single layers.
    scan: Annotated[bool, Role.TRAINING_ONLY] = True
    # bfloat16: dense layers and the head round the factors of products to bfloat16 in training; sums and activations
    # are float32. CPUs with AVX-512 BF16 or AMX then multiply twice as fast, others slower than in float32; auto:
    # bfloat16 on the former, float32 elsewhere. (TPUs round float32 products anyway.)
    products: Annotated[Literal["float32", "bfloat16", "auto"], Role.TRAINING_ONLY] = "float32"
    # What the backward pass recomputes instead of keeping it, from most memory to most compute.
    remat: Annotated[Literal["none", "dots", "mlp", "attention", "full"], Role.TRAINING_ONLY] = "none"
    # splash: a TPU kernel; cudnn: a GPU kernel; auto: the device's kernel where it fits, otherwise xla.
    attention: Annotated[Literal["auto", "xla", "splash", "cudnn"], Role.NOT_STRUCTURE] = "auto"


@dataclasses.dataclass(frozen=True)
class DecoderRunConfig:
    """The decoder and its training."""

    model: DecoderConfig = DecoderConfig()
    tasks: TaskConfig = TaskConfig()
    optim: OptimConfig = OptimConfig()
    train: TrainConfig = TrainConfig()
    # A source's share is weight * faces ** (1 / source_temperature): at 1 all faces count the same. 0: its weight.
    source_temperature: Annotated[float, Range(0, 1000)] = 0.0
    # Most ids of an example, which is a training row unless examples are packed.
    sequence_length: Annotated[int, Range(8, 10**7)] = 160
    pack: Annotated[int, Range(1, 1000)] = 1  # examples that share a row (train.batch_size counts rows)
    row_length: Annotated[int, Range(0, 10**7)] = 0  # ids of a packed row; 0: pack * sequence_length
    # Unpacked rows are padded to the batch's longest, up to a multiple of this; 0: to sequence_length, as always with
    # several processes, whose rows would differ in length (dropout and hidden codes are then random in another way).
    trim: Annotated[int, Range(0, 10**7)] = 0
    # Processes that make the rows; 0: a thread of the main process, which is enough for a small model.
    workers: Annotated[int, Range(0, 256), Role.FREE] = 0
    # Parts of a batch for gradient accumulation, to save memory; 0: as few as the devices' memory allows by an estimate
    # (dropout and hidden codes are sampled for each part).
    accumulate: Annotated[int, Range(0, 10**6)] = 1
    # In training, embedding tables are padded to a multiple of this many rows.
    vocab_multiple: Annotated[int, Range(1, 10**6)] = 1
    # Most ids of a text prefix, including its frame (as the original).
    text_length: Annotated[int, Range(4, 10**6)] = 64
    loss_span: Literal["suffix", "all"] = "suffix"  # suffix: only the target; all: the prefix, too, as in the original
    codebook_init: bool = True  # image ids start as projections of their codes' vectors, so similar codes start similar
    init_biases: bool = False  # biases are initialized at random like weights (as the original), not to 0
    init_from: str = ""  # a model folder to start from

    @property
    def row_ids(self) -> int:
        """Ids of a training row."""
        return self.sequence_length if self.pack == 1 else self.row_length or self.pack * self.sequence_length


@dataclasses.dataclass(frozen=True)
class SamplerConfig:
    """How the next id is sampled, see `inference.sampler.Sampler`."""

    # 0 takes the most likely id each time, 1 samples as the model predicts.
    temperature: Annotated[float, Range(0, 100)] = 1.0
    top_k: CountOrNone = 0  # sample from this many most likely ids; 0 = all
    # Sample from the most likely ids with this total probability; 1 = all.
    top_p: Annotated[float, Range(1e-9, 1)] = 1.0
    # Classifier-free guidance; other than 1 needs tasks.prompt_dropout.
    guidance: Annotated[float, Range(0, 1000)] = 1.0
    min_p: Share = 0.0  # lowest probability of an id, as a share of the highest one
    # Weight of a separate clause for each requested number, such as the age, if something else is requested, too; 0:
    # none. It has no effect at guidance 1.
    number_guidance: Annotated[float, Range(0, 1000)] = 0.0


@dataclasses.dataclass(frozen=True)
class ReadingConfig:
    """How a given face is read, see `inference.reading`."""

    mirror: bool = False  # also read the mirrored face and average the answers; takes twice as long
    # How a face is captioned. words: the most likely words; answers: the facts that are probable enough by the model's
    # own answers, in the words of plain captions.
    captions: Literal["words", "answers"] = "words"
    least_probability: Share = 0.5  # lowest probability of a fact in captions made of answers


@dataclasses.dataclass(frozen=True)
class FaceCounts:
    """Numbers of faces in an evaluation."""

    faces: CountOrNone = 500  # test faces of a source to analyze; 0 = all
    # Faces to generate for requests of a source, and as many for captions of its test faces; 0 = none.
    generated: CountOrNone = 500
    # Training faces among which copies of generated faces are searched; 0 = no search.
    training_faces: CountOrNone = 0
    # How many times faces are generated, with different seeds, for distances such as FID, whose interval is over these.
    sampling_seeds: Annotated[int, Range(1, 100)] = 1
    samples: Annotated[int, Range(1, 10**6)] = 16  # faces generated for the report


@dataclasses.dataclass(frozen=True)
class EvalConfig(SamplerConfig, ReadingConfig, FaceCounts):  # a dataclass takes the fields of its last base first
    """Evaluation of a model."""

    top_p: Annotated[float, Range(1e-9, 1)] = 0.95
    # The temperature goes linearly from `temperature` at a face's first code to this at its last; -1: constant.
    final_temperature: Annotated[float, Range(-1, 100)] = -1.0
    # Which sources get a judge, a network that learns to see attributes in their training faces. drawn: those of drawn
    # faces, whose labels are all correct; always: also photographs, whose judge is as good as their labels.
    judge: Literal["drawn", "always", "never"] = "drawn"
    judge_steps: Count = 600  # training steps of the judge
    batch_size: Annotated[int, Range(1, 10**6)] = 64  # faces per batch
    # Guidance scales at which generated faces are judged.
    guidance_scales: tuple[Annotated[float, Range(0, 1000)], ...] = (1.0, 2.0, 3.0, 4.0, 6.0)
    curve_faces: CountOrNone = 64  # requests at each scale, and for self-reranking; 0 = neither is measured
    best_of: Annotated[int, Range(1, 10**6)] = 16  # faces that self-reranking chooses from


@dataclasses.dataclass(frozen=True)
class Config:
    """A whole experiment."""

    name: str = "t2f"  # name of the experiment, in its cards and reports
    data: DataConfig = DataConfig()
    image: ImageTokenizerConfig = ImageTokenizerConfig()
    text: TextConfig = TextConfig()
    decoder: DecoderRunConfig = DecoderRunConfig()
    eval: EvalConfig = EvalConfig()
