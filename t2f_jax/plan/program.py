"""The real training step and sampler, compiled ahead of time for a TPU topology that need not be there.

`libtpu` compiles for chips that it does not have. One process at a time may hold it.
"""

import dataclasses
import os
import pathlib
import re
import tempfile
import time
from importlib import metadata, util
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import Mesh

from t2f_jax.config.schema import DecoderRunConfig
from t2f_jax.distributed import partitioning
from t2f_jax.errors import UserError
from t2f_jax.inference import decoding, engine, grammar
from t2f_jax.inference.sampler import Sampler
from t2f_jax.models.decoder import Decoder
from t2f_jax.models.params import init_decoder
from t2f_jax.tokens import sequence
from t2f_jax.tokens.vocab import Vocab
from t2f_jax.training.decoder_trainer import DecoderTrainer
from t2f_jax.training.program import Program

KNOWN = "v4:4x4x4, v5e:4x4, v5e:16x16, v5p:4x4x4, v5p:8x16x16, v6e:16x16"

# (chip, libtpu, ids of a row) for which compiling a step ends the process.
ABORTS = {("TPU7x", "0.0.52", 1152), ("TPU7x", "0.0.52", 2304)}
CHIP_CONFIGS = {"v4": "megacore"}  # how a machine's JAX shows chips: libtpu would show both halves of a v4


@dataclasses.dataclass(frozen=True)
class Compiled:
    """A compiled program.

    Attributes:
      text: the optimized HLO with the compiler's estimates; empty where neither libtpu nor JAX tells it.
      argument_bytes, temporary_bytes, output_bytes, code_bytes: of one device. Outputs that take an argument's memory
        are not counted.
      seconds: that compiling took.
    """

    text: str
    argument_bytes: int
    temporary_bytes: int
    output_bytes: int
    code_bytes: int
    seconds: float

    @property
    def peak_bytes(self) -> int:
        """Most memory that a device needs at once: everything together, which is an upper bound."""
        return self.argument_bytes + self.temporary_bytes + self.output_bytes + self.code_bytes


def devices(topology: str, slices: int = 1) -> list[Any]:
    """The devices of `slices` slices of a topology such as "v5e:16x16".

    Raises:
      UserError: libtpu is not installed or does not know the topology.
    """
    from jax.experimental import topologies

    if not re.fullmatch(r"[\w]+:\d+x\d+(x\d+)?", topology):
        raise UserError(f"--topology '{topology}': write CHIP:AxB or CHIP:AxBxC, such as {KNOWN}")
    os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")
    options: dict[str, Any] = {"num_slices": slices} if slices > 1 else {}
    if name := CHIP_CONFIGS.get(topology.partition(":")[0]):
        options["chip_config_name"] = name
    try:
        described = topologies.get_topology_desc(topology, platform="tpu", **options)
    except Exception as error:  # what libtpu raises has no type of its own
        told = (str(error).strip().splitlines() or [type(error).__name__])[0]
        if "libtpu" in told.lower() and "lock" not in told.lower():
            told += "; install it with: pip install libtpu"
        raise UserError(f"--topology '{topology}', {slices} slices: {told} (known to work: {KNOWN})") from error
    return list(described.devices)


def caution(device_kind: str, row_ids: int) -> str:
    """What is known to go wrong for a step with such rows in a way that no error tells; "" if nothing."""
    version = metadata.version("libtpu") if util.find_spec("libtpu") else ""
    if (device_kind, version, row_ids) not in ABORTS:
        return ""
    seen = f"libtpu {version} was seen to abort on rows of {row_ids} ids for {device_kind}, as a check of its own fails"
    return f"{seen}; decoder.pack=3 decoder.row_length=1024 compiles"


def batch_shapes(config: DecoderRunConfig) -> dict[str, jax.ShapeDtypeStruct]:
    """The arrays of one training batch."""
    batch = sequence.arrays(sequence.blank(config.train.batch_size, config.row_ids, config.pack > 1))
    return {name: jax.ShapeDtypeStruct(array.shape, array.dtype) for name, array in batch.items()}


def lower_step(
    config: DecoderRunConfig, vocab: Vocab, mesh: Mesh, trainer: type[DecoderTrainer] = DecoderTrainer
) -> jax.stages.Lowered:
    """The step that `training.loop` runs for this config, for the devices of `mesh`."""
    return Program(trainer(config, vocab), config.train, mesh).lower_step(batch_shapes(config))


def compile_step(
    config: DecoderRunConfig, vocab: Vocab, mesh: Mesh, trainer: type[DecoderTrainer] = DecoderTrainer
) -> Compiled:
    """`lower_step`, compiled."""
    began = time.monotonic()
    with jax.set_mesh(mesh):
        advice = less(config.accumulate, config.train.batch_size)
        return _compile(lower_step(config, vocab, mesh, trainer), began, advice)


def compile_sampler(config: DecoderRunConfig, vocab: Vocab, codes: int, rows: int, mesh: Mesh) -> Compiled:
    """The program that makes `rows` images of `codes` codes at once, rows spread over the devices of `mesh`."""
    decoder = Decoder(config.model, vocab.size, jnp.dtype(config.train.compute_dtype))
    alone = partitioning.make_mesh("", jax.local_devices(backend="cpu")[:1])

    def weights() -> Any:
        return engine.prepare(decoder, init_decoder(decoder, jax.random.key(0)), vocab, alone, weight_groups=0).params

    shapes = jax.eval_shape(weights)
    params = partitioning.abstract(shapes, partitioning.tree_shardings(shapes, mesh))
    request = decoding.Request(([vocab.cls] * config.text_length,), grammar.image(vocab, codes))
    made = engine.Engine(decoder, params, vocab, mesh)
    with jax.set_mesh(mesh):
        began = time.monotonic()
        lowered = decoding.lower(made, [request] * rows, Sampler())
        return _compile(lowered, began, "fewer faces a device (--sampler) take less memory")


def less(accumulate: int, rows: int) -> str:
    """What makes a step of `rows` rows in `accumulate` parts take less memory."""
    fewer = f"decoder.train.batch_size={max(rows // 2, 1)}"
    return f"decoder.accumulate={2 * max(accumulate, 1)}, decoder.model.remat=full or {fewer} takes less memory"


def _compile(lowered: jax.stages.Lowered, began: float, advice: str) -> Compiled:
    with tempfile.TemporaryDirectory(prefix="t2f-plan-") as folder:
        # libtpu itself writes the program down: JAX 0.10.2 cannot read back what runs on SparseCores (v5p, v6e).
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
    """The program that libtpu wrote into `folder`, "" if none. Before code generation it has no estimates of cycles."""
    files = sorted(folder.glob("*.after_codegen.txt"), key=lambda f: f.stat().st_size)
    return files[-1].read_text() if files else ""


def _read_back(done: Any) -> str:
    try:
        return done.as_text() or ""
    except jax.errors.JaxRuntimeError:  # such as "async-update instruction should have 1 operands"
        return ""


def _reason(text: str) -> str:
    """The line that says what is wrong, such as memory that is exceeded."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next(filter(_is_memory, lines), lines[0])[:300]


def _is_memory(line: str) -> bool:
    return "hbm" in line.lower() or "memory" in line.lower()
