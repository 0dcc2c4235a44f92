"""Damaged files for property tests: a file with changed bytes, JSON with changed values."""

import copy
import json

from hypothesis import strategies as st

# JSON values that a reader does not expect.
ODD = (
    *(None, True, False, 0, 1, -1, 7, 10**6, 2**63, 10**400, 0.5, -1.5, 1e300, float("nan"), float("inf")),
    *("", "a", "../a", "a\0b", "\ud800", "Zoë" * 50, "gs://a/b", [], {}, [0], [[]], ["a", "a"], {"a": 1}, {"": {}}),
)


@st.composite
def damaged(draw, whole: bytes) -> bytes:
    """The file with one to four changes: bits flipped, a part removed, inserted, doubled or zeroed, or truncated."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(("flip", "put in", "cut out", "double", "zero", "end")))
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        length = draw(st.sampled_from((1, 2, 8, 64, 512)))
        if kind == "flip" and data:
            data[at] ^= draw(st.integers(1, 255))
        elif kind == "put in":
            data[at:at] = draw(st.binary(min_size=1, max_size=8))
        elif kind == "cut out":
            del data[at : at + length]
        elif kind == "double":
            data[at:at] = data[at : at + length]
        elif kind == "zero":
            data[at : at + length] = bytes(len(data[at : at + length]))
        elif kind == "end":
            del data[at:]
    return bytes(data)


@st.composite
def altered(draw, value: object) -> bytes:
    """JSON of `value` with one to three of its values, at any depth, replaced, removed, renamed or doubled."""
    value = {"": copy.deepcopy(value)}
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(value))
        parent, key = draw(st.sampled_from(places))
        kind = draw(st.sampled_from(("odd", "odd", "odd", "leave out", "rename", "double")))
        if kind == "odd" or parent is value:
            parent[key] = copy.deepcopy(draw(st.sampled_from(ODD)))
        elif kind == "leave out":
            del parent[key]
        elif isinstance(parent, list):
            parent.insert(key, copy.deepcopy(parent[key]))
        else:
            parent[draw(st.sampled_from(("a", "", "\0")))] = parent[key] if kind == "double" else parent.pop(key)
    return json.dumps(value[""]).encode()


def _places(value: object):
    """(parent, key) of every value inside."""
    keys = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


def any_file(whole: bytes):
    """Arbitrary bytes, or a damaged file."""
    return st.one_of(damaged(whole), damaged(whole), damaged(whole), st.binary(max_size=200))


def any_json(value: object):
    """Arbitrary bytes, damaged JSON, or JSON with odd values."""
    return st.one_of(altered(value), altered(value), altered(value), damaged(json.dumps(value).encode()), st.binary())
