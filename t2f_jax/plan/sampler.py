"""`t2f plan --sampler`: estimates the generation of images on chips before they are rented."""

from t2f_jax.config.schema import Config
from t2f_jax.distributed import partitioning
from t2f_jax.io.progress import say
from t2f_jax.models import flops
from t2f_jax.plan import figures, hlo, program, workload


def plan_sampler(config: Config, topology: str, slices: int, mesh: str, faces_per_device: int) -> figures.SamplerPlan:
    """Compiles the sampler of a config for a topology and estimates its time and memory.

    Raises:
      UserError: an unknown topology or chip, a mesh that does not fit, a program that does not compile.
    """
    devices = program.devices(topology, slices)
    chip, made = program.chip_of(devices), partitioning.make_mesh(mesh, devices)
    vocab, shape, run = workload.sample(config).vocab, dict(made.shape), config.decoder
    say(f"compiling the sampler for {slices} x {topology}, {mesh} (minutes) ...")
    codes, faces = config.image.model.tokens, faces_per_device * partitioning.batch_ways(made)
    compiled = program.compile_sampler(run, vocab, codes, faces, made)
    # The program has no trip count for the loop over ids: its condition depends on the ids, and its limits are data.
    weight_bytes = 2 * flops.parameters(run.model, vocab.size) / shape["tensor"]
    least = codes * weight_bytes / chip.hbm_bandwidth
    return figures.SamplerPlan(
        sampler_faces=faces,
        sampler_peak_bytes_per_chip=compiled.peak_bytes * chip.per_chip,
        sampler_spare_fraction=1 - compiled.peak_bytes / chip.hbm_bytes,
        sampler_seconds_at_least=least,
        sampler_faces_per_second_at_most=faces / least,
        sampler_step_cycles=hlo.count(compiled.text, shape).cycles if compiled.text else None,
        sampler_compile_seconds=compiled.seconds,
    )
