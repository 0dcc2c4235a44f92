"""What a pickle of torch.save describes: tensors, their storages, and names that stay names."""

import dataclasses


@dataclasses.dataclass(frozen=True, eq=False)
class Global:
    """A name that the pickle wanted imported."""

    name: str


@dataclasses.dataclass(frozen=True, eq=False)
class Opaque:
    """What calling an unknown name would have made, or a dictionary key that is no plain value."""

    name: str


@dataclasses.dataclass(frozen=True)
class Storage:
    """A run of values in the archive: the entry's key and the name of their type (None: bytes, the tensor knows)."""

    key: str
    dtype: str | None


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A view of a storage: values from `offset` on, `strides` apart (all in values)."""

    storage: Storage
    dtype: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Strides, in values, of an array that lies in memory row by row."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= n
    return tuple(reversed(strides))
