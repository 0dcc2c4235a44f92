"""What a decoding program is compiled for, its inputs, its state and its cache."""

import dataclasses
from typing import Any, Literal

import jax
import numpy as np
from flax import struct

from t2f_jax.inference import sampler
from t2f_jax.inference.engine import CacheLayout
from t2f_jax.models.decoder import Cache, Decoder
from t2f_jax.tokens.vocab import Vocab

Array = jax.Array | np.ndarray  # traced in the compiled program, a numpy array before it


@dataclasses.dataclass(frozen=True)
class Program:
    """What a decoding program is compiled for, besides the shapes of its arrays. Hashable.

    Attributes:
      length: ids of the longest span.
      kind: the sampler's steps.
      cache: how the cache is divided.
      text: the text ids of the grammar.
      image: whether the grammar has the image ids.
      shared: whether all rows have the same prefixes.
    """

    decoder: Decoder
    vocab: Vocab
    length: int
    kind: sampler.Kind
    cache: CacheLayout
    text: Literal["none", "some", "all"]
    image: bool
    shared: bool


@struct.dataclass
class Rows:
    """The inputs of each row; spread over the devices.

    Attributes:
      weights_BxV: float32, of the variants' logits.
      seeds_B: uint32.
      starts_B: int32, the grammar's initial state.
      limits_B: int32, largest number of ids of its span.
      imposed_BxL: int32, indices among the grammar's ids, -1 for sampled ones; None if no row has an imposed id.
    """

    weights_BxV: Array
    seeds_B: Array
    starts_B: Array
    limits_B: Array
    imposed_BxL: Array | None


@struct.dataclass
class Prefixes:
    """Padded prefixes, int32: the variants of every row (R = B * V) or, if all rows share them, of one row (R = V)."""

    ids_RxP: Array
    lengths_R: Array


@struct.dataclass
class Tables:
    """The grammar's arrays (as in `grammar.Grammar`, with its ids) and the sampler's numbers; copied to each device."""

    ids_U: Array
    allowed_SxU: Array
    follow_SxU: Array
    numbers: Array


@struct.dataclass
class Inputs:
    """All arrays that a decoding program reads."""

    params: Any
    rows: Rows
    prefixes: Prefixes
    tables: Tables


@struct.dataclass
class State:
    """The state that decoding carries from one id to the next.

    Attributes:
      step: int32 scalar, the newest ids' place in their spans.
      tokens_B: int32, the newest ids. They are in `out_BxL`, but not yet in the cache.
      states_B: int32, the grammar's state after them; `END`: the row is finished.
      out_BxL: int32, all ids so far; [PAD] elsewhere.
      cache: keys and values of the slots from `Past.first` on.
      sound: bool scalar, whether every logit so far was a number.
    """

    step: jax.Array
    tokens_B: jax.Array
    states_B: jax.Array
    out_BxL: jax.Array
    cache: Cache
    sound: jax.Array


@struct.dataclass
class Past:
    """The arrays that stay the same during a stage.

    Attributes:
      lengths_R: int32, of the prefixes.
      next_R: int32, the position of a span's first id.
      parts: for every layer, the cache of the slots before `first`, part by part (see `attention.Attention`).
      first: the first slot of `State.cache`.
    """

    lengths_R: Array
    next_R: jax.Array
    parts: Cache
    first: int = struct.field(pytree_node=False)
