"""Which routes answer, how long a body may be, and the headers of every answer."""

import asyncio

import pytest

pytest.importorskip("starlette", reason="starlette is not installed; pip install -e '.[demo]'")

from t2f_jax.demo.guard import Guard
from t2f_jax.demo.limits import Limits

LIMITS = Limits(upload_bytes=1000, uploads_bytes=70_000, body_bytes=100)


async def inner(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"inside"})


def ask(uploads, method, path, length=None):
    """(status, headers) of a request through the guard."""
    sent = []

    async def send(message):
        sent.append(message)

    headers = [] if length is None else [(b"content-length", str(length).encode())]
    scope = {"type": "http", "method": method, "path": path, "headers": headers}
    asyncio.run(Guard(inner, LIMITS, uploads)(scope, None, send))
    return sent[0]["status"], dict(sent[0]["headers"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *[("GET", path) for path in ("/", "/config", "/assets/index-3.js", "/gradio_api/info", "/theme.css")],
        *[("GET", "/gradio_api/call/generate/0a1b"), ("GET", "/gradio_api/queue/data"), ("HEAD", "/")],
        *[("POST", "/gradio_api/call/v2/analyze"), ("POST", "/gradio_api/queue/join"), ("POST", "/gradio_api/upload")],
    ],
)
def test_what_the_page_needs_answers(tmp_path, method, path):
    status, headers = ask(tmp_path, method, path, 50)
    assert status == 200
    assert b"default-src 'self'" in headers[b"content-security-policy"]
    assert headers[b"x-content-type-options"] == b"nosniff"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *[("GET", path) for path in ("/docs", "/monitoring", "/gradio_api/deep_link", "/gradio_api/vibe-code")],
        *[("GET", "/gradio_api/proxy=http://a.b"), ("GET", "/gradio_api/file=/etc/passwd"), ("GET", "/secret")],
        *[("GET", "/gradio_api/file=http://a.b/c"), ("GET", "/gradio_api/file="), ("DELETE", "/"), ("TRACE", "/")],
        *[("POST", "/gradio_api/run/generate"), ("POST", "/gradio_api/process_recording"), ("POST", "/login")],
        *[("POST", "/"), ("PUT", "/gradio_api/upload"), ("GET", "/gradio_api/call/a/../b"), ("GET", "//")],
    ],
)
def test_nothing_else_does(tmp_path, method, path):
    assert ask(tmp_path, method, path, 50)[0] == 404


def test_files_of_the_uploads_alone_are_there(tmp_path):
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    (uploads / "face.png").touch()
    (tmp_path / "secret.png").touch()
    (uploads / "link.png").symlink_to(tmp_path / "secret.png")
    assert ask(uploads, "GET", f"/gradio_api/file={uploads}/face.png")[0] == 200
    for path in ("link.png", "../secret.png", "%2e%2e/secret.png", "none.png", "", "face.png\0"):
        assert ask(uploads, "GET", f"/gradio_api/file={uploads}/{path}")[0] == 404


def test_bodies_have_a_length_and_a_limit(tmp_path):
    assert ask(tmp_path, "POST", "/gradio_api/queue/join")[0] == 411
    assert ask(tmp_path, "POST", "/gradio_api/queue/join", "-5")[0] == 411
    assert ask(tmp_path, "POST", "/gradio_api/queue/join", 101)[0] == 413
    assert ask(tmp_path, "POST", "/gradio_api/upload", 101)[0] == 200
    assert ask(tmp_path, "POST", "/gradio_api/upload", 67_000)[0] == 413
    (tmp_path / "face.png").write_bytes(bytes(69_950))
    assert ask(tmp_path, "POST", "/gradio_api/upload", 101)[0] == 503
