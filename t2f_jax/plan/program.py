"""Compiles the real training step and sampler ahead of time for a TPU topology that need not be present.

`libtpu` compiles for chips that are not present. Only one process at a time can use it.
"""

import dataclasses
import math
import os
import pathlib
import re
import tempfile
import time
from collections.abc import Sequence
from importlib import metadata, util
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from t2f_jax.config.schema import DecoderRunConfig
from t2f_jax.distributed import chips, partitioning
from t2f_jax.errors import UserError
from t2f_jax.inference import decoding, engine, grammar
from t2f_jax.inference.sampler import Sampler
from t2f_jax.models.decoder import Decoder
from t2f_jax.models.params import init_decoder
from t2f_jax.tokens import sequence
from t2f_jax.tokens.vocab import Vocab
from t2f_jax.training.decoder_trainer import DecoderTrainer
from t2f_jax.training.program import Program

TOPOLOGIES = "v4:4x4x4, v5e:4x4, v5e:16x16, v5p:4x4x4, v5p:8x16x16, v6e:16x16"

# (chip, version of libtpu, ids of a row) for which compiling a step aborts the process.
ABORTS = {("TPU7x", "0.0.52", 1152), ("TPU7x", "0.0.52", 2304)}
# By chip: libtpu's `chip_config_name` for the devices that JAX lists on a machine. Without it a v4 chip is two devices.
CHIP_CONFIGS = {"v4": "megacore"}


@dataclasses.dataclass(frozen=True)
class Compiled:
    """A compiled program.

    Attributes:
      text: the optimized HLO with the compiler's estimates; empty if neither libtpu nor JAX gives it.
      argument_bytes, temporary_bytes, code_bytes: of one device.
      output_bytes: of one device, without outputs that reuse an argument's memory.
      seconds: the time of compilation.
    """

    text: str
    argument_bytes: int
    temporary_bytes: int
    output_bytes: int
    code_bytes: int
    seconds: float

    @property
    def peak_bytes(self) -> int:
        """The sum of these: an upper bound of the memory that a device needs at once."""
        return self.argument_bytes + self.temporary_bytes + self.output_bytes + self.code_bytes


def devices(topology: str, slices: int = 1) -> list[Any]:
    """The devices of `slices` slices of a topology such as "v5e:16x16".

    Raises:
      UserError: libtpu is not installed or does not know the topology.
    """
    from jax.experimental import topologies

    if not re.fullmatch(r"[\w]+:\d+x\d+(x\d+)?", topology):
        raise UserError(f"--topology '{topology}': write CHIP:AxB or CHIP:AxBxC, such as {TOPOLOGIES}")
    os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")
    options: dict[str, Any] = {"num_slices": slices} if slices > 1 else {}
    if name := CHIP_CONFIGS.get(topology.partition(":")[0]):
        options["chip_config_name"] = name
    try:
        described = topologies.get_topology_desc(topology, platform="tpu", **options)
    except Exception as error:  # libtpu's errors have no type of their own
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        if util.find_spec("libtpu") is None and "TPU_LIBRARY_PATH" not in os.environ:
            reason = "libtpu is not installed; pip install 't2f_jax[tpu]' (in a clone: pip install -e '.[tpu]')"
        raise UserError(f"--topology '{topology}', {slices} slices: {reason} (known to work: {TOPOLOGIES})") from error
    return list(described.devices)


def chip_of(devices: Sequence[Any]) -> chips.Chip:
    """The chip of a topology's devices.

    Raises:
      UserError: the chip is unknown.
    """
    kind = devices[0].device_kind
    chip = chips.find(kind)
    if chip is None:
        raise UserError(f"chip '{kind}' is unknown: peak and memory are known of {', '.join(chips.CHIPS)}")
    return chip


def known_abort(device_kind: str, row_ids: int) -> str:
    """A warning if compiling a step with rows of `row_ids` ids aborts the process without an error; else ""."""
    version = metadata.version("libtpu") if util.find_spec("libtpu") else ""
    if (device_kind, version, row_ids) not in ABORTS:
        return ""
    seen = f"libtpu {version} was seen to abort on rows of {row_ids} ids for {device_kind}, as a check of its own fails"
    return f"{seen}; decoder.pack=3 decoder.row_length=1024 compiles"


def batch_shapes(config: DecoderRunConfig) -> dict[str, jax.ShapeDtypeStruct]:
    """The arrays of one training batch."""
    batch = sequence.arrays(sequence.blank(config.train.batch_size, config.row_ids, config.pack > 1))
    return {name: jax.ShapeDtypeStruct(array.shape, array.dtype) for name, array in batch.items()}


def batch_bytes(config: DecoderRunConfig) -> int:
    """Bytes of one training batch as sent to the devices."""
    return sum(math.prod(x.shape) * x.dtype.itemsize for x in batch_shapes(config).values())


def lower_step(
    config: DecoderRunConfig, vocab: Vocab, mesh: Mesh, trainer: type[DecoderTrainer] = DecoderTrainer
) -> jax.stages.Lowered:
    """The step that `training.loop` runs for this config, for the devices of `mesh`."""
    return Program(trainer(config, vocab), config.train, mesh).lower_step(batch_shapes(config))


def compile_step(
    config: DecoderRunConfig, vocab: Vocab, mesh: Mesh, trainer: type[DecoderTrainer] = DecoderTrainer
) -> Compiled:
    """`lower_step`, compiled.

    Raises:
      UserError: it does not compile, for example for lack of memory.
    """
    began = time.monotonic()
    lowered = lower_step(config, vocab, mesh, trainer)
    with jax.set_mesh(mesh):
        return _compile(lowered, began, memory_advice(config.accumulate, config.train.batch_size))


def compile_sampler(config: DecoderRunConfig, vocab: Vocab, codes: int, rows: int, mesh: Mesh) -> Compiled:
    """The program that generates `rows` images of `codes` codes at once, with rows sharded over the devices of `mesh`.

    Raises:
      UserError: it does not compile, for example for lack of memory.
    """
    decoder = Decoder(config.model, vocab.size, jnp.dtype(config.train.compute_dtype))
    alone = partitioning.make_mesh("", jax.local_devices(backend="cpu")[:1])

    def weights() -> Any:
        return engine.prepare(decoder, init_decoder(decoder, jax.random.key(0)), vocab, alone, weight_groups=0).params

    shapes = jax.eval_shape(weights)
    params = partitioning.abstract(shapes, partitioning.tree_shardings(shapes, mesh))
    request = decoding.Request(([vocab.cls] * config.text_length,), grammar.image(vocab, codes))
    began = time.monotonic()
    lowered = decoding.lower(engine.Engine(decoder, params, vocab, mesh), [request] * rows, Sampler())
    with jax.set_mesh(mesh):
        return _compile(lowered, began, "fewer faces a device (--sampler) take less memory")


def memory_advice(accumulate: int, rows: int) -> str:
    """Advice how a step of `rows` rows in `accumulate` parts can use less memory."""
    fewer = f"decoder.train.batch_size={max(rows // 2, 1)}"
    return f"decoder.accumulate={2 * max(accumulate, 1)}, decoder.model.remat=full or {fewer} takes less memory"


def _compile(lowered: jax.stages.Lowered, began: float, advice: str) -> Compiled:
    with tempfile.TemporaryDirectory(prefix="t2f-plan-") as folder:
        # libtpu itself dumps the program: JAX 0.10.2 cannot read back programs with SparseCores (v5p, v6e).
        dump: Any = {"xla_dump_to": folder, "xla_dump_hlo_as_text": True}
        try:
            done = lowered.compile(compiler_options=dump if partitioning.platform() == "tpu" else None)
        except jax.errors.JaxRuntimeError as error:
            reason = _reason(str(error))
            raise UserError(f"the program does not compile: {reason}{f'; {advice}' * _is_memory(reason)}") from error
        text = _dumped(pathlib.Path(folder)) or _read_back(done)
    memory: Any = done.memory_analysis()
    return Compiled(
        text,
        memory.argument_size_in_bytes,
        memory.temp_size_in_bytes,
        memory.output_size_in_bytes - memory.alias_size_in_bytes,
        memory.generated_code_size_in_bytes,
        time.monotonic() - began,
    )


def _dumped(folder: pathlib.Path) -> str:
    """The program that libtpu dumped into `folder`, or "". Before code generation it has no estimates of cycles."""
    files = sorted(folder.glob("*.after_codegen.txt"), key=lambda f: f.stat().st_size)
    return files[-1].read_text() if files else ""


def _read_back(done: Any) -> str:
    try:
        return done.as_text() or ""
    except jax.errors.JaxRuntimeError:  # such as "async-update instruction should have 1 operands"
        return ""


def _reason(text: str) -> str:
    """The line that states the error, such as exceeded memory."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next(filter(_is_memory, lines), lines[0])[:300]


def _is_memory(line: str) -> bool:
    return "hbm" in line.lower() or "memory" in line.lower()
