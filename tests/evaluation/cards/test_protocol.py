import dataclasses
import types

import numpy as np

from t2f_jax.evaluation.cards import protocol
from t2f_jax.evaluation.figure import Figure


class Faces:
    """A source of four faces, of which the last is a test face."""

    def __init__(self, sizes=(10, 20, 30, 40), hats=("no", "yes", "no", "yes")):
        self.dataset = types.SimpleNamespace(kind="toy")
        self.sizes, self.hats = sizes, hats

    def split(self, split):
        return {"train": [0, 1, 2], "validation": [], "test": [3]}[split]

    def id(self, i):
        return f"face{i}.png"

    def signature(self, i):
        return f"face{i}.png {self.sizes[i]}"

    def fields(self, i):
        return {"attributes": {"hat": self.hats[i]}, "captions": []}


def test_a_fingerprint_changes_with_faces_files_labels_and_order():
    same = protocol.fingerprint(Faces(), [0, 1])
    assert len(same) == 16 and same == protocol.fingerprint(Faces(), range(2))
    other = [
        protocol.fingerprint(Faces(), [1, 0]),
        protocol.fingerprint(Faces(), [0, 1, 2]),
        protocol.fingerprint(Faces(sizes=(11, 20, 30, 40)), [0, 1]),
        protocol.fingerprint(Faces(hats=("yes", "yes", "no", "yes")), [0, 1]),
    ]
    assert len({same, *other}) == 5
    assert protocol.fingerprint(Faces()) == protocol.fingerprint(Faces(), [0, 1, 2, 3])


def figure(name="age/mae", line="mae|point:median|version:1"):
    return Figure(name, 5.0, 3, "years", "lower", line)


PROTOCOL = {"n": 3, "pixels": {"filter": "bicubic"}}


def test_a_figure_is_decided_by_the_fields_of_its_part_and_of_its_metric():
    assert protocol.fields_of(PROTOCOL, figure()) == {
        "n": 3,
        "pixels.filter": "bicubic",
        "metric": "mae",
        "metric.point": "median",
        "metric.version": "1",
    }


def test_what_differs_is_named_with_both_values():
    ours = protocol.fields_of(PROTOCOL, figure())
    other = {"n": 4, "pixels": {"filter": "area", "align": "eyes"}}
    found = protocol.differences(ours, protocol.fields_of(other, figure(line="mae|point:mean|version:1")))
    assert found == {
        "n": (3, 4),
        "pixels.filter": ("bicubic", "area"),
        "metric.point": ("median", "mean"),
        "pixels.align": (None, "eyes"),
    }
    told = "n: 3 | 4; pixels.filter: bicubic | area; metric.point: median | mean; pixels.align: – | eyes"
    assert protocol.tell(found) == told
    assert protocol.differences(ours, dict(ours)) == {}


def test_the_order_of_fields_is_no_part_of_an_identity():
    assert protocol.identity(dict(reversed(PROTOCOL.items()))) == protocol.identity(PROTOCOL)
    assert protocol.identity({**PROTOCOL, "n": 4}) != protocol.identity(PROTOCOL)


def test_a_protocol_that_came_back_from_json_is_the_same():
    ours = protocol.fields_of({"scales": (1, 2)}, figure())
    assert protocol.differences(ours, protocol.fields_of({"scales": [1, 2]}, figure())) == {}
    changed = dataclasses.replace(figure(), value=6.0, per_example=np.array([6.0]))
    assert protocol.fields_of(PROTOCOL, changed) == protocol.fields_of(PROTOCOL, figure())
