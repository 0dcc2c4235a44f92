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

    kind: str = "synthetic"  # which dataset: `t2f data list` names all; checked where sources are opened
    folder: Annotated[str, Role.FREE] = ""  # where it lies; empty: $T2F_DATA/<official folder name>
    partition: str = ""  # a published one of those that the dataset knows by name; empty: the dataset's own rule
    # Where CelebA lies, for a set of its images, whose splits are CelebA's; empty: where a source of kind celeba has
    # it, beside the set's own folder, or in $T2F_DATA.
    celeba: Annotated[str, Role.FREE, SPARSE] = ""
    # Own data: what its columns are called here, such as "caption=text, age=years, none=notes"; none leaves one out.
    columns: str = ""
    weight: Annotated[float, Range(0, 1e6)] = 1.0  # share of the training mixture; 0 leaves it out
    count: int = 10_000  # drawn faces only: how many (train, validation and test together)


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Pixels and their sources."""

    image_size: Annotated[int, Range(8, 4096)] = 64  # pixels of a side
    crop: Crop = 1.0  # side of a centred square of the picture, as a share of its shorter side
    # crop: a centred square; squash: the picture as it is given, whatever the ratio of its sides; landmarks: eyes, nose
    # and mouth onto ArcFace's places, in sets that know where they are (the rest is cropped), crop=0.667 as close.
    resize: Annotated[Resize, SPARSE] = "crop"
    # Of resizing, with antialiasing. auto: bicubic, much too large pictures first reduced by a whole number; squash:
    # bilinear, as the original. dct: as auto, but JPEGs of twice the size or more are scaled while they are decoded.
    filter: Annotated[Filter, SPARSE] = "auto"
    # Views of a training face whose codes are kept: 1 = the plain one, more = flipped, shifted and scaled ones, too.
    views: Annotated[int, Range(1, 1000), Role.STORE_ONLY] = 1
    flip: bool = False  # may training mirror a face?
    jitter: Annotated[float, Range(0, 0.5)] = 0.0  # largest shift and scale change of a view, as a share of the side
    seed: Seed = 0  # of splits, views and corpora that are drawn
    # One picture twice, perhaps recompressed, resized or mirrored. report: the store's copies.jsonl lists it;
    # drop_leaked: and train has no copy of a face of validation or test, nor validation one of test; drop: one stays.
    copies: Annotated[Copies, Role.STORE_ONLY] = "report"
    # A file of hashes of pictures that must not be read, as `t2f data hash` prints them (public-data.md); empty: none.
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
    weight_decay: float = 0.01  # decoupled; biases and scales of norms have none
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
    seed: Seed = 0  # of the first weights, of the order of the data and of what training draws
    ema: Share = 0.999  # decay of the weights' moving average; 0 = off
    compute_dtype: Literal["float32", "bfloat16"] = "float32"  # of activations; weights stay float32
    eval_every: Annotated[Count, Role.FREE] = 200  # steps from one evaluation on validation faces to the next
    eval_batches: Count = 8  # batches of an evaluation
    save_every: Annotated[Count, Role.FREE] = 200  # steps from one checkpoint to the next
    keep_last: Annotated[int, Range(1, 10**6), Role.FREE] = 2  # the newest checkpoints that stay
    keep_best: Annotated[int, Range(0, 10**6), Role.FREE] = 1  # checkpoints of smallest evaluation loss that stay
    # Seconds without the end of a step after which a process gives up; 0 = never.
    hang_after: Annotated[float, Range(0, 10**9), Role.FREE] = 1800.0
    # "data=2,fsdp=4,tensor=1"; empty: all devices on data (as many as divide the batch), and on known chips as many of
    # them on fsdp as the decoder's memory needs by an estimate.
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
    encoder: Literal["vqgan", "patch"] = "vqgan"  # patch: a code depends on its own patch alone; needs ch_mult=(1,)
    ch: Annotated[int, Range(1, 10**5)] = 32  # channels of the first level
    # Channels of each level, as multiples of ch; each but the first halves the side.
    ch_mult: tuple[Annotated[int, Range(1, 1000)], ...] = (1, 2, 4, 4)
    num_res_blocks: Annotated[int, Range(0, 100)] = 1  # residual blocks of a level
    attn_resolutions: tuple[Annotated[int, Range(1, 2**16)], ...] = (8,)  # sides of the feature maps that attend
    z_channels: Annotated[int, Range(1, 10**5)] = 64  # channels that the encoder gives and the decoder takes
    embed_dim: Annotated[int, Range(1, 10**5)] = 32  # length of a code's vector
    n_embed: Annotated[int, Range(2, 65536)] = 512  # codes of the codebook
    # Sides of an image's grids of codes, coarse to fine, such as (4, 8, 8): each holds what those before it leave, and
    # each side divides the last, which is the encoder's. Empty: that one grid, as the original has.
    scales: tuple[Annotated[int, Range(1, 2**16)], ...] = ()
    dropout: Dropout = 0.0  # share of activations that training drops in residual blocks

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
    # ema: codes are moving averages of encoder outputs; gradient: they are trained.
    codebook: Literal["ema", "gradient"] = "ema"
    codebook_decay: Share = 0.99  # of the EMA codebook
    commitment: float = 0.25  # weight of the distance from an encoder output to its code
    revive_after: CountOrNone = 50  # steps without use after which a code is moved onto an encoder output; 0 = never
    perceptual_weights: str = ""  # VGG16/LPIPS weights (.npz, .safetensors, .pth); empty: no perceptual loss
    perceptual: float = 1.0  # weight of the perceptual loss
    # Weight of the label distance: a small network learns the faces' labels in the same run, and its features of an
    # image and of the reconstruction are compared, so that codes keep what tells an age or a gender; 0 = none.
    labels: float = 0.0
    labels_ch: int = 64  # channels of the first layer of the network that learns labels
    # Weight of the labels' cross-entropy as a small network reads them off the coarsest grid of codes, so that these
    # codes tell an age or a gender; 0 = none.
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
    # Of a SentencePiece model that `prepare` trains; an upper bound: a small corpus gives fewer pieces.
    vocab_size: Annotated[int, Range(40, 10**6)] = 1000
    phrases: bool = False  # SentencePiece: "not hat" and "hair color : red" are one piece each
    vocab_file: str = ""  # WordPiece: the vocabulary file


@dataclasses.dataclass(frozen=True)
class TaskConfig:
    """The mixture of tasks, and the contents of their sequences."""

    to_image: float = 0.4  # share of training sequences: words are read, a face is written
    to_caption: float = 0.2  # share: a face is read, a caption written
    to_attributes: float = 0.4  # share: a face is read, its labels are written
    # What a model learns to write of a face without captions of its own. varied: as in prompts, in changing words and
    # order; plain: each fact once, the most telling first, so that its likeliest caption repeats nothing.
    caption_style: Literal["varied", "plain"] = "varied"
    # Standard deviation of the normal noise that training adds to a number such as an age, as a share of the number:
    # near ages are then near answers, and a face learns from those a little older and younger.
    number_noise: Share = 0.0
    attributes_per_face: Annotated[int, Range(0, 10**6)] = 8  # branches of a to-attributes sequence; 0 = all known
    caption_share: Share = 0.4  # of to-image prompts: caption alone
    attribute_share: Share = 0.3  # of to-image prompts: attributes alone; the rest has both
    # Of captions of faces that have some of their own, and labels: share that is written from the labels all the same.
    label_captions: Share = 0.0
    clause_dropout: Share = 0.0  # chance of each sentence and clause of a prompt's caption to be left out
    prompt_dropout: Share = 0.0  # of to-image rows: share whose prompt is empty, for classifier-free guidance
    hidden_codes: Share = 0.0  # of to-image rows: mean share of the codes read so far that training hides (1 = all)
    image_weight: float = 1.0  # loss weight of a token of a face
    # The first codes of a face, such as those of the first of `image.model.scales`, count `coarse_weight` times as
    # much: words say what the whole face is, and most of its codes tell details.
    coarse_codes: Annotated[int, Range(0, 10**6)] = 0  # how many these are; 0: all codes count alike
    coarse_weight: float = 1.0  # loss weight of each of them, times `image_weight`
    caption_weight: float = 1.0  # loss weight of a token of a caption
    attribute_weight: float = 1.0  # loss weight of a token of labels


@dataclasses.dataclass(frozen=True)
class DecoderConfig:
    """Structure of the prefix-LM transformer."""

    layers: Annotated[int, Range(1, 1000)] = 4  # transformer layers
    width: Annotated[int, Range(1, 10**6)] = 192  # length of a token's vector
    heads: Annotated[int, Range(1, 10**4)] = 6  # attention heads, which divide the width
    mlp: Annotated[int, Range(1, 10**7)] = 768  # hidden width of a layer's MLP
    max_length: Annotated[int, Range(1, 10**7)] = 256  # rows of a learned position table; longest sequence
    positions: Literal["learned", "rotary"] = "learned"  # learned: a table of vectors; rotary: keys and queries turn
    # Position of an image's first code, whatever stands before it; 0: the next one, as in the original.
    image_position: Annotated[int, Range(0, 10**7)] = 0
    # talk2face: the original's, which divides by the unbiased standard deviation; rmsnorm: without a mean.
    norm: Literal["talk2face", "layernorm", "rmsnorm"] = "layernorm"
    # prefix: the prefix is read in both directions; causal: from left to right.
    mask: Literal["prefix", "causal"] = "prefix"
    tie: bool = False  # head = word embedding
    bias: bool = True  # biases of dense layers
    segments: bool = True  # segment embedding (0 pad, 1 prefix, 2 target)
    dropout: Annotated[Dropout, Role.NOT_STRUCTURE] = 0.0  # share of activations that training drops
    init_std: Annotated[float, Range(1e-9, 10), Role.TRAINING_ONLY] = 0.02  # standard deviation of the first weights
    scan: Annotated[bool, Role.TRAINING_ONLY] = True  # training stacks the layers; a model folder holds them singly
    # bfloat16: dense layers and the head round what they multiply to bfloat16 while training; sums and activations stay
    # float32. CPUs with AVX-512 BF16 or AMX multiply twice as fast then, others slower than in float32; auto: bfloat16
    # on the former, float32 elsewhere. (TPUs round float32 products anyway.)
    products: Annotated[Literal["float32", "bfloat16", "auto"], Role.TRAINING_ONLY] = "float32"
    # What the backward pass computes again instead of keeping it, from most memory to most computing.
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
    # A source's share is weight * faces ** (1 / source_temperature): at 1 sources are one heap of faces. 0: its weight.
    source_temperature: Annotated[float, Range(0, 1000)] = 0.0
    # Most ids of one example, which is a training row unless examples are packed.
    sequence_length: Annotated[int, Range(8, 10**7)] = 160
    pack: Annotated[int, Range(1, 1000)] = 1  # examples that share a row (train.batch_size counts rows)
    row_length: Annotated[int, Range(0, 10**7)] = 0  # ids of a packed row; 0: pack * sequence_length
    # Rows of one example end with the batch's longest, at a multiple of this; 0: at sequence_length, as always with
    # several processes, whose rows would differ in length (dropout and hidden codes are then drawn otherwise, too).
    trim: Annotated[int, Range(0, 10**7)] = 0
    # Processes that write the rows; 0: a thread of this one, which is enough for a small model.
    workers: Annotated[int, Range(0, 256), Role.FREE] = 0
    # Parts of a batch whose gradients are summed one after the other, to save memory; 0: as few as the devices'
    # memory allows by an estimate (dropout and hidden codes are drawn a part at a time).
    accumulate: Annotated[int, Range(0, 10**6)] = 1
    # While training, tables have rows up to a multiple of this.
    vocab_multiple: Annotated[int, Range(1, 10**6)] = 1
    text_length: Annotated[int, Range(4, 10**6)] = 64  # most ids of a text prefix, its frame included (as the original)
    loss_span: Literal["suffix", "all"] = "suffix"  # suffix: targets only; all: the prefix, too, as the original did
    codebook_init: bool = True  # image ids start as projections of their codes' vectors: similar codes start similar
    init_biases: bool = False  # biases are drawn as weights are (as the original), not 0
    init_from: str = ""  # a model folder to start from

    @property
    def row_ids(self) -> int:
        """Ids of a training row."""
        return self.sequence_length if self.pack == 1 else self.row_length or self.pack * self.sequence_length


@dataclasses.dataclass(frozen=True)
class SamplerConfig:
    """How the next id is sampled, see `inference.sampler.Sampler`."""

    temperature: Annotated[float, Range(0, 100)] = 1.0  # 0 takes the likeliest id each time, 1 is the model's own
    top_k: CountOrNone = 0  # ids that are drawn from, the likeliest; 0 = all
    # The likeliest ids that hold this probability are drawn from; 1 = all.
    top_p: Annotated[float, Range(1e-9, 1)] = 1.0
    guidance: Annotated[float, Range(0, 1000)] = 1.0  # how much the words count; else than 1: tasks.prompt_dropout
    min_p: Share = 0.0  # least probability of an id, as a share of the likeliest one's


@dataclasses.dataclass(frozen=True)
class ReadingConfig:
    """How a given face is read, see `inference.reading`."""

    mirror: bool = False  # the mirrored face is read, too; answers are the mean of both, and take twice as long
    # What a face's caption is made of. words: the likeliest words; answers: the facts that the model's own answers
    # make likely enough, in the words of plain captions.
    captions: Literal["words", "answers"] = "words"
    least_probability: Share = 0.5  # of a fact that captions made of answers say


@dataclasses.dataclass(frozen=True)
class FaceCounts:
    """Numbers of faces in an evaluation."""

    faces: CountOrNone = 500  # test faces of a source that are analysed; 0 = all
    # Faces of a source that are drawn for requests, and as many for captions of its test faces; 0 = none.
    generated: CountOrNone = 500
    # Training faces among which copies of drawn faces are sought; 0 = none is sought.
    training_faces: CountOrNone = 0
    # How many times as many faces are drawn, from other seeds, for distances such as FID, whose interval is over these.
    sampling_seeds: Annotated[int, Range(1, 100)] = 1
    samples: Annotated[int, Range(1, 10**6)] = 16  # faces generated for the report


@dataclasses.dataclass(frozen=True)
class EvalConfig(SamplerConfig, ReadingConfig, FaceCounts):  # a dataclass takes the fields of its last base first
    """Evaluation of a model."""

    top_p: Annotated[float, Range(1e-9, 1)] = 0.95
    # The temperature goes from `temperature` at a face's first code to this at its last, in a straight line; -1: stays.
    final_temperature: Annotated[float, Range(-1, 100)] = -1.0
    # Which sources get a judge, a network that learns to see attributes in their training faces. drawn: those of drawn
    # faces, whose labels are all right; always: photographs, too, whose judge is as good as their labels.
    judge: Literal["drawn", "always", "never"] = "drawn"
    judge_steps: Count = 600  # training steps of the judge
    batch_size: Annotated[int, Range(1, 10**6)] = 64  # faces computed at once
    guidance_scales: tuple[Annotated[float, Range(0, 1000)], ...] = (1.0, 2.0, 3.0, 4.0, 6.0)  # that the judge looks at
    curve_faces: CountOrNone = 64  # requests at each scale, and of self-reranking; 0 = neither is measured
    best_of: Annotated[int, Range(1, 10**6)] = 16  # faces that self-reranking chooses from


@dataclasses.dataclass(frozen=True)
class Config:
    """A whole experiment."""

    name: str = "t2f"  # of the experiment; it stands in its cards and reports
    data: DataConfig = DataConfig()
    image: ImageTokenizerConfig = ImageTokenizerConfig()
    text: TextConfig = TextConfig()
    decoder: DecoderRunConfig = DecoderRunConfig()
    eval: EvalConfig = EvalConfig()
