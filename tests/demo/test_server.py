"""The HTTP API as programs meet it, and what it answers to those who mean harm."""

import base64
import concurrent.futures
import io
import json
import random
import shutil
import subprocess

import documents
import numpy as np
import psutil
import pytest
from PIL import Image

from t2f_jax.errors import UserError

httpx = pytest.importorskip("httpx", reason="httpx is not installed; pip install -e '.[demo]'")
CLIENT = httpx.Client(timeout=300)  # one for all: each new one reads the system's certificates


def picture(size=(20, 20), kind="PNG"):
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (*size, 3), np.uint8)).save(file, kind)
    return file.getvalue()


def upload(served, data, name="face.png"):
    answer = CLIENT.post(f"{served.address}/gradio_api/upload", files={"files": (name, data)})
    return answer.json()[0] if answer.status_code == 200 else answer.status_code


def face(path):
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def call(served, name, data, version=""):
    """("complete" or "error", what came with it) of a call; (the status, None) of one that was not taken."""
    body = json.dumps(data) if version else json.dumps({"data": data})
    url = f"{served.address}/gradio_api/call/{version}{name}"
    answer = CLIENT.post(url, content=body, headers={"content-type": "application/json"})
    if answer.status_code != 200:
        return answer.status_code, None
    events = CLIENT.get(f"{url}/{answer.json()['event_id']}").text.strip().split("\n\n")
    kind, _, told = events[-1].partition("\n")
    return kind.removeprefix("event: "), json.loads(told.removeprefix("data: "))


def test_faces_by_name_are_those_of_the_model(served, model):
    kind, (faces,) = call(served, "generate", {"text": "a man", "attributes": ["age=30"], "n": 2, "seed": 4}, "v2/")
    assert kind == "complete" and [made["seed"] for made in faces] == [4, 5]
    for made, right in zip(faces, model.generate("a man", {"age": 30}, n=2, seed=4)):
        file = Image.open(io.BytesIO(base64.b64decode(made["image"].partition(",")[2])))
        np.testing.assert_array_equal(np.asarray(file), np.asarray(right))
        assert file.info["prompt"] == made["prompt"] == right.info["prompt"] and "unread" not in made
    kind, (faces,) = call(served, "generate", {"text": "a man \u7b11", "n": 1}, "v2/")
    assert kind == "complete" and faces[0]["unread"] == ["\u7b11"]


def test_an_upload_is_described_and_measured(served, model):
    data = picture()
    image = face(upload(served, data))
    kind, (captions,) = call(served, "describe", [image, 1, 0])
    assert kind == "complete" and [one["caption"] for one in captions] == model.caption(io.BytesIO(data))
    kind, (answers,) = call(served, "analyze", {"image": image, "attributes": ["age"]}, "v2/")
    assert kind == "complete" and answers["age"]["median"] == model.analyze(io.BytesIO(data), "age")[0]["age"]["median"]


def test_pythons_client_uploads_by_itself(served, tmp_path):
    gradio_client = pytest.importorskip("gradio_client")
    (tmp_path / "face.png").write_bytes(picture())
    client = gradio_client.Client(served.address, verbose=False)
    answers = client.predict(image=gradio_client.handle_file(tmp_path / "face.png"), api_name="/analyze")
    assert [*answers] == ["gender", "glasses", "age"]
    assert client.predict(text="a man", n=1, api_name="/generate")[0]["seed"] == 0
    with pytest.raises(Exception, match="the nearest is 'age'"):
        client.predict(text="", attributes=["agee=3"], api_name="/generate")


def in_page(language):
    """The code of docs/demo.md that is run, for the small model and wherever it is served."""
    blocks = documents.blocks(documents.ROOT / "docs" / "demo.md", language)
    return [block.text.replace(', "hair color=red"', "") for block in blocks if not block.reason]


def test_the_documents_python_works(served, tmp_path, monkeypatch, capsys):
    pytest.importorskip("gradio_client")
    monkeypatch.chdir(tmp_path)
    (code,) = in_page("python")
    exec(compile(code.replace("http://127.0.0.1:7860", served.address), "demo.md", "exec"), {})
    assert (tmp_path / "face.png").stat().st_size > 100
    told = capsys.readouterr().out.splitlines()
    assert "log_probability" in told[-2] and 1 <= int(told[-1]) <= 90


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_the_documents_curl_works(served, tmp_path):
    (tmp_path / "face.png").write_bytes(picture())
    (code,) = in_page("bash")
    code = code.replace("http://127.0.0.1:7860", served.address)
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.count("event: complete") == 2, done
    assert "data:image/png;base64" in done.stdout and '"median"' in done.stdout


def test_what_is_wrong_is_told(served):
    kind, told = call(served, "generate", ["", [], [], 4, 0, 0, None])
    assert kind == "error" and "the prompt is empty" in told["error"]
    for values in ([], [5, []], [["a"], []]):
        kind, told = call(served, "analyze", values)
        assert kind == "error" and "not the values that analyze takes, in this order: A face" in told["error"]
    kind, told = call(served, "describe", [face(upload(served, b"words", "words.png")), 1, 0])
    assert kind == "error" and "not a readable image" in told["error"] and "t2f-demo" not in told["error"]
    assert upload(served, bytes(300_000)) == 413


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "http://127.0.0.1:1/a.png", "//a.b/c.png", "../../etc/passwd", "~", ""]
)
def test_no_path_of_a_request_is_opened(served, path):
    for name, rest in (("describe", [1, 0]), ("analyze", [[]])):
        for image in (face(path), {"path": path}, {**face(path), "url": path}, path, [face(path)]):
            assert call(served, name, [image, *rest])[0] in ("error", 422)


def test_a_full_queue_says_that_it_is_busy(served):
    served.gate.clear()
    try:
        data = {"data": ["a man", [], [], 1, 0, 0, None]}
        url = f"{served.address}/gradio_api/call/generate"
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = [*pool.map(lambda _: CLIENT.post(url, json=data), range(12))]
    finally:
        served.gate.set()
    assert {answer.status_code for answer in answers} == {200, 503}
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert "full" in refused.text
    for answer in answers:  # those that waited are served
        if answer.status_code == 200:
            assert "event: complete" in CLIENT.get(f"{url}/{answer.json()['event_id']}").text


def test_a_request_without_a_session_does_not_end_the_queue(served):
    for _ in range(3):
        body = {"fn_index": 0, "session_hash": "", "data": []}
        CLIENT.post(f"{served.address}/gradio_api/queue/join", json=body)
    assert call(served, "generate", ["a man", [], [], 1, 0, 0, None])[0] == "complete"


def odd_value(seed):
    """A value of any JSON type, of odd sizes and signs."""
    rng = random.Random(seed)
    texts = [
        "",
        "\0",
        "‮",
        "a" * 5000,
        "{{7*7}}",
        "../../etc/passwd",
        "<svg onload=1>",
        "😀" * 300,
        "age=5",
        "age=5:1e400",
    ]
    numbers = [0, -1, 10**30, 1.5, 1e308, True, None]
    return rng.choice(
        [rng.choice(texts), rng.choice(numbers), [rng.choice(texts)] * rng.choice([0, 1, 200]), {"path": "/"}]
    )


@pytest.mark.parametrize("count", [40, pytest.param(1000, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])])
def test_hostile_calls_end_in_errors_and_the_server_lives(served, count, capsys):
    rng, memory = random.Random(count), []
    for seed in range(count):
        name, right = rng.choice([("generate", 7), ("describe", 3), ("analyze", 2)])
        data = [odd_value(100 * seed + i) for i in range(rng.choice([right, right, right, 0, 12]))]
        kind, told = call(served, name, data)
        assert kind in ("complete", "error", 413, 422)
        assert "root:" not in str(told) and "/t2f-demo" not in str(told)
        memory.append(psutil.Process().memory_info().rss)
    assert call(served, "generate", ["a man", [], [], 1, 0, 0, None])[0] == "complete"
    assert memory[-1] < 1.1 * memory[count // 2], "memory grows"
    assert "Traceback" not in capsys.readouterr().err
    assert len(served.queue.event_analytics) <= 1 and served.queue.cached_event_analytics_summary == {"functions": {}}


def test_no_more_sessions_are_kept_than_it_says(served):
    from t2f_jax.demo import server

    own = served.queue.pending_messages_per_session, served.queue.pending_event_ids_session
    assert all(isinstance(kept, server.Sessions) for kept in own)
    kept = server.Sessions(set)
    for number in range(server.SESSIONS + 5):
        kept[str(number)] = {number}
    assert len(kept) == server.SESSIONS and kept["4"] == set() and kept["5"] == {5}


def test_a_port_that_is_taken_is_told():
    from t2f_jax.demo import server

    with server.listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"127.0.0.1:{port}: .*give another --port"):
            server.listen("127.0.0.1", port)
    with pytest.raises(UserError, match="give another --port"):
        server.listen("127.0.0.1", 70_000)
