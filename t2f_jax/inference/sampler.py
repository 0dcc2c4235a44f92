"""Sampling of the next id from its logits: temperature, top-k, top-p, min-p, guidance."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from t2f_jax import arguments
from t2f_jax.config.schema import EvalConfig, SamplerConfig
from t2f_jax.config.typed import from_dict
from t2f_jax.errors import naming

SMALLEST, LARGEST = 1e-30, 1e30  # beyond these, float32 rounds to 0 and infinity, which cannot be used


_NUMBERS = {  # the values that a sampler's numbers may have
    "temperature": (lambda x: x >= 0, "from 0 on"),
    "top_p": (lambda x: 0 < x <= 1, "above 0 and at most 1"),
    "guidance": (lambda x: x >= 0, "from 0 on"),
    "min_p": (lambda x: 0 <= x <= 1, "from 0 to 1"),
    "number_guidance": (lambda x: x >= 0, "from 0 on"),
    "final_temperature": (lambda x: x >= 0, "from 0 on"),
}


@dataclasses.dataclass(frozen=True)
class Sampler(SamplerConfig):
    """How the next id is sampled.

    Attributes:
      temperature: logits are divided by it; 0 takes the most likely id.
      top_k: keep the k most likely ids (and ties with the k-th); 0 keeps all.
      top_p: then keep the most likely ids until their probabilities sum to p (Holtzman et al., 2020, arXiv:1904.09751);
        1 keeps all.
      guidance: classifier-free guidance (Ho & Salimans, 2022, arXiv:2207.12598), before everything else: the logits
        without the prompt, plus this factor times the prompt's change of them. 1 is off; other values double the cost.
      min_p: then keep ids with at least this fraction of the largest probability (Nguyen et al., 2024,
        arXiv:2407.01082).
      number_guidance: if above 0 and `guidance` is not 1, each number among a prompt's attributes, such as the age, is
        also a separate clause of this weight (see `tokens.prompts`), unless it is all that is requested. Each costs one
        more pass of the decoder beside guidance's two.
      final_temperature: if given, the temperature changes linearly from `temperature` at a span's first id to this at
        its last.

    Raises:
      WrongArgument: a value of another type, or out of its range.
    """

    final_temperature: float | None = None

    @classmethod
    def of(cls, config: EvalConfig) -> "Sampler":
        """The sampler of a config's part `eval`."""
        values = {field.name: getattr(config, field.name) for field in dataclasses.fields(SamplerConfig)}
        last = config.final_temperature
        return cls(**values, final_temperature=None if last < 0 else last)

    def __post_init__(self) -> None:
        object.__setattr__(self, "top_k", arguments.whole_number("top_k", self.top_k, 0))
        for name, (fits, right) in _NUMBERS.items():
            value = getattr(self, name)
            if name != "final_temperature" or value is not None:
                object.__setattr__(self, name, arguments.number(name, value, fits, right))

    def to_dict(self) -> dict[str, Any]:
        """Its values, plain JSON; `number_guidance`, which earlier versions did not have, only if it is not 0."""
        values = dataclasses.asdict(self)
        if not self.number_guidance:
            del values["number_guidance"]
        return values

    @property
    def kind(self) -> "Kind":
        """The part that a program is compiled for; the values in `numbers` may change without recompilation."""
        last = self.temperature if self.final_temperature is None else self.final_temperature
        return Kind(not self.temperature and not last, self.top_k, self.top_p < 1, self.min_p > 0)

    @property
    def numbers(self) -> np.ndarray:
        """float32 [4]: first and last temperature, top_p, min_p."""
        last = self.temperature if self.final_temperature is None else self.final_temperature
        temperatures = np.minimum([self.temperature, last], LARGEST)
        return np.array([*temperatures, max(self.top_p, SMALLEST), self.min_p], np.float32)

    def __call__(self, keys_B: jax.Array, logits_BxV: jax.Array) -> jax.Array:
        """A key and a row of float32 logits each (-inf: never) -> int32 [B] indices in the row, as for a first id."""
        return draw(self.kind, jnp.asarray(self.numbers), keys_B, logits_BxV, jnp.zeros(len(keys_B)))


def given_or(sampler: Sampler | None, default: Sampler) -> Sampler:
    """The given sampler, or the default if it is None. Raises WrongArgument for anything else."""
    return default if sampler is None else arguments.instance("sampler", sampler, Sampler, "t2f_jax.inference.sampler")


def default_sampler(provenance: Mapping[str, Any]) -> Sampler:
    """A model's default sampler for faces: as in its evaluation, if its provenance records that.

    Raises:
      UserError: the provenance has an invalid value; the message names the key.
    """
    known = provenance.get("config", {}).get("eval", {})
    names = [*(field.name for field in dataclasses.fields(SamplerConfig)), "final_temperature"]
    chosen = {name: known[name] for name in names if name in known} if isinstance(known, Mapping) else known
    with naming("provenance.json"):
        return Sampler.of(from_dict(EvalConfig, chosen, "eval."))


@dataclasses.dataclass(frozen=True)
class Kind:
    """The steps that a sampler takes; hashable, so that a program can be compiled for it."""

    greedy: bool
    top_k: int
    top_p: bool
    min_p: bool


def draw(
    kind: Kind, numbers_4: jax.Array | np.ndarray, keys_B: jax.Array, logits_BxV: jax.Array, progress_B: jax.Array
) -> jax.Array:
    """Samples from float32 logits (-inf: never) -> int32 [B] indices in the row.

    Args:
      kind, numbers_4: a sampler's `kind` and `numbers`.
      progress_B: from 0 at a span's first id to 1 at its last.
    """
    likeliest = jnp.argmax(logits_BxV, -1).astype(jnp.int32)
    if kind.greedy:
        return likeliest
    first, last, top_p, min_p = numbers_4
    temperature_B = first + (last - first) * progress_B
    logits = logits_BxV / jnp.maximum(temperature_B, 1e-6)[:, None]
    size = logits.shape[-1]
    k = min(kind.top_k, size) or size
    least = jnp.full(logits.shape[:1], -jnp.inf)
    if k < size or kind.top_p:
        best = jax.lax.top_k(logits, k)[0]
        if kind.top_p:
            probs = jax.nn.softmax(best, -1)
            before = jnp.cumsum(probs, -1) - probs  # the id that crosses p is kept, as in the original
            best = jnp.where(before < top_p, best, jnp.inf)
        least = best.min(-1)
    if kind.min_p:
        least = jnp.maximum(least, logits.max(-1) + jnp.log(min_p))
    logits = jnp.where(logits < least[:, None], -jnp.inf, logits)
    # Inverse transform sampling with one random number per row: ids of probability 0, which other rows of the batch may
    # have, change nothing.
    mass = jnp.cumsum(jnp.exp(logits - logits.max(-1, keepdims=True)), -1)
    target_B = jax.vmap(jax.random.uniform)(keys_B) * mass[:, -1]
    target_B = jnp.minimum(target_B, jnp.nextafter(mass[:, -1], 0.0))  # a product may be rounded up to the total
    drawn = (mass <= target_B[:, None]).sum(-1, dtype=jnp.int32)
    return jnp.where(temperature_B > 0, drawn, likeliest)
