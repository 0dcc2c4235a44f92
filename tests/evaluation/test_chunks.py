import json

import numpy as np
import pytest

from t2f_jax.distributed import hosts
from t2f_jax.evaluation import chunks
from t2f_jax.evaluation.chunks import Desk


def squares(done):
    def work(examples):
        done.append(list(examples))
        return {"square": np.array([i * i for i in examples]), "name": np.array([f"number {i}" for i in examples])}

    return work


def test_chunks_come_back_in_the_order_of_the_examples(tmp_path):
    done = []
    found = Desk(tmp_path, 4).run("squares", {}, 10, squares(done))
    assert done == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert found.column("square").tolist() == [i * i for i in range(10)]
    assert [chunk["name"][0] for chunk in found] == ["number 0", "number 4", "number 8"]
    assert found.texts("name") == [f"number {i}" for i in range(10)]
    rows = found.rows("square")
    assert rows.shape == (10,) and rows[2:5].tolist() == [4, 9, 16]


def test_what_is_done_is_not_done_again(tmp_path):
    def stopped(examples):
        if 8 in examples:
            raise KeyboardInterrupt
        return squares([])(examples)

    with pytest.raises(KeyboardInterrupt):
        Desk(tmp_path, 4).run("squares", {"seed": 0}, 10, stopped)
    done = []
    found = Desk(tmp_path, 4).run("squares", {"seed": 0}, 10, squares(done))
    assert done == [[8, 9]] and found.column("square")[-1] == 81
    found.paths[0].write_bytes(found.paths[0].read_bytes()[:50])  # cut since
    Desk(tmp_path, 4).run("squares", {"seed": 0}, 10, squares(done))
    assert done[1:] == [[0, 1, 2, 3]]


@pytest.mark.parametrize("other", [{"key": {"seed": 1}}, {"n": 9}, {"size": 5}, {"desk": {"model": "another"}}])
def test_work_of_another_key_is_another(tmp_path, other):
    given = {"key": {"seed": 0}, "n": 10, "size": 4, "desk": {}}
    for values in (given, {**given, **other}):
        done = []
        Desk(tmp_path, values["size"], values["desk"]).run("squares", values["key"], values["n"], squares(done))
        assert done


def test_two_processes_share_the_chunks_and_the_first_writes_all(tmp_path, monkeypatch):
    """Both turns of a job in one process: what a process gives is put beside what the other one gave."""
    given = {}

    def run(process, missing):
        done = []

        def gather(data, name):
            if "missing" in name:
                return [json.dumps(missing).encode()] * 2
            given.setdefault(name, {})[process] = data
            return [given[name].get(i, b"") for i in range(2)]

        monkeypatch.setattr(chunks.jax, "process_count", lambda: 2)
        monkeypatch.setattr(chunks.jax, "process_index", lambda: process)
        monkeypatch.setattr(hosts, "gather", gather)
        return Desk(tmp_path, 4).run("squares", {}, 10, squares(done)), done

    _, second = run(1, [0, 1, 2])
    assert second == [[4, 5, 6, 7]] and not list(tmp_path.rglob("*.npz"))
    found, first = run(0, [0, 1, 2])
    assert first == [[0, 1, 2, 3], [8, 9]]
    assert found.column("square").tolist() == [i * i for i in range(10)]


def test_an_array_is_shared_with_every_process(tmp_path):
    desk = Desk(tmp_path, 4)
    found = desk.run("squares", {}, 10, squares([]))
    assert desk.shared(found, "square").tolist() == [i * i for i in range(10)] and found.names() == ["square", "name"]
