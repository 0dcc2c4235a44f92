"""Values in a pickle of torch.save: tensors, their storages, and names, which are not imported."""

import dataclasses


@dataclasses.dataclass(frozen=True, eq=False)
class Global:
    """A name that the pickle wants to import."""

    name: str


@dataclasses.dataclass(frozen=True, eq=False)
class Opaque:
    """The result that a call of an unknown name would have, or a dictionary key that is not a plain value."""

    name: str


@dataclasses.dataclass(frozen=True)
class Storage:
    """Consecutive values in the archive: the entry's key and their type's name (None: bytes, typed by the tensor)."""

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
    """Strides, in values, of an array in row-major order."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= n
    return tuple(reversed(strides))
