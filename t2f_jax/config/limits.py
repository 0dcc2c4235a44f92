"""Checks of a config's keys against each other; `schema` holds the type, choices and range of each key."""

from t2f_jax.config.schema import Config, DecoderConfig, DecoderRunConfig, EvalConfig, TaskConfig, VQGANConfig
from t2f_jax.errors import WrongArgument


def check(config: Config) -> None:
    """Raises WrongArgument, naming the keys, if values do not fit together."""
    for run in (config.image.train, config.decoder.train):
        _ = run.profiled  # raises
    _check_resolution(config)
    if config.data.resize == "squash" and config.data.crop != 1:
        raise WrongArgument(f"data.crop={config.data.crop}: data.resize=squash crops nothing; set data.crop=1")
    check_vqgan(config.image.model, "image.model")
    check_decoder(config.decoder.model, "decoder.model")
    check_tasks(config.decoder.tasks)
    _check_rows(config.decoder)
    _check_guidance(config.eval, config.decoder)
    _check_positions(config.decoder)


def check_vqgan(config: VQGANConfig, where: str) -> None:
    """Raises WrongArgument if an image tokenizer's structure is inconsistent; `where` is the prefix of its keys."""
    if config.in_channels != 3:
        raise WrongArgument(
            f"{where}.in_channels={config.in_channels} must be 3: pictures are read as red, green and blue"
        )
    if not config.ch_mult:
        raise WrongArgument(f"{where}.ch_mult={config.ch_mult} must hold a whole number from 1 on for each level")
    if config.resolution % config.factor:
        raise WrongArgument(f"{where}.resolution={config.resolution} is not a multiple of the factor {config.factor}")
    if config.scales and (config.scales[-1] != config.grid or any(s < 1 or config.grid % s for s in config.scales)):
        raise WrongArgument(
            f"{where}.scales={config.scales} must end with {config.grid} (the resolution over the factor"
            f" {config.factor}), and each side must divide it"
        )
    if config.encoder == "patch" and len(config.ch_mult) > 1:
        raise WrongArgument(
            f"{where}.encoder=patch has no levels to scale down by: set {where}.ch_mult=(1,) and"
            f" {where}.patch={config.factor}"
        )


def check_decoder(config: DecoderConfig, where: str) -> None:
    """Raises WrongArgument if a decoder's structure is inconsistent; `where` is the prefix of its keys."""
    if config.width % config.heads:
        raise WrongArgument(f"{where}.width={config.width} is not a multiple of {where}.heads={config.heads}")
    if config.positions == "rotary" and config.width // config.heads % 2:
        raise WrongArgument(
            f"{where}.positions=rotary rotates pairs of dimensions, but {where}.width={config.width} over"
            f" {where}.heads={config.heads} is odd; make it even, or set {where}.positions=learned"
        )


def check_tasks(config: TaskConfig) -> None:
    """Raises WrongArgument unless at least one task has a share."""
    shares = (config.to_image, config.to_caption, config.to_attributes)
    if min(shares) < 0 or sum(shares) <= 0:
        raise WrongArgument(
            f"decoder.tasks: to_image, to_caption, to_attributes = {shares} must be 0 or more, not all 0"
        )


def _check_resolution(config: Config) -> None:
    if config.image.model.resolution != config.data.image_size:
        raise WrongArgument(
            f"image.model.resolution={config.image.model.resolution} differs from"
            f" data.image_size={config.data.image_size}; make them equal"
        )


def _check_rows(config: DecoderRunConfig) -> None:
    """Checks that a packed row can hold an example and that a batch divides into its parts."""
    if config.pack > 1 and config.row_ids < config.sequence_length:
        raise WrongArgument(
            f"decoder.row_length={config.row_length} is too short for an example of"
            f" decoder.sequence_length={config.sequence_length} ids; {config.pack} packed examples need about"
            f" {config.pack} times that"
        )
    if config.accumulate and config.train.batch_size % config.accumulate:
        raise WrongArgument(
            f"decoder.train.batch_size={config.train.batch_size} is not a multiple of"
            f" decoder.accumulate={config.accumulate}"
        )


def _check_guidance(config: EvalConfig, decoder: DecoderRunConfig) -> None:
    if config.guidance != 1 and not decoder.tasks.prompt_dropout:
        raise WrongArgument(
            f"eval.guidance={config.guidance} needs a decoder that was trained on empty prompts, too; set"
            " decoder.tasks.prompt_dropout=0.1, or eval.guidance=1"
        )


def _check_positions(config: DecoderRunConfig) -> None:
    """Checks that the decoder has a position for every id of an example."""
    model = config.model
    if config.text_length > config.sequence_length:
        raise WrongArgument(
            f"decoder.text_length={config.text_length} exceeds decoder.sequence_length={config.sequence_length}"
        )
    if 0 < model.image_position < config.text_length:
        raise WrongArgument(
            f"decoder.model.image_position={model.image_position} must be 0 (images follow their prompt) or at"
            f" least decoder.text_length={config.text_length}"
        )
    longest = config.sequence_length + model.image_position
    if longest > model.max_length:
        raise WrongArgument(
            f"decoder.sequence_length={config.sequence_length} with"
            f" decoder.model.image_position={model.image_position} needs decoder.model.max_length={longest},"
            f" got {model.max_length}"
        )
