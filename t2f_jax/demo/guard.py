"""A filter in front of Gradio: allowed routes, largest size of a request's body, and headers of every response.

Gradio has many routes that this page does not need (to fetch a URL, to record, to edit, to run without the queue);
they are blocked.
"""

import pathlib
import re
import urllib.parse

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from t2f_jax.demo.limits import Limits

API = "/gradio_api"
UPLOAD, FILE = f"{API}/upload", f"{API}/file="
WORD = r"[\w-]{1,128}"
ROUTES = {
    "GET": re.compile(
        rf"/|/config|/theme\.css|/favicon\.ico|/manifest\.json|/robots\.txt|/(assets|static|svelte)/.+"
        rf"|{API}/(info|startup-events|app_id|upload_progress|queue/(data|status)|heartbeat/{WORD})/?"
        rf"|{API}/call/(v2/)?{WORD}/{WORD}|{API}/file=.+"
    ),
    "POST": re.compile(rf"{UPLOAD}|{API}/(queue/join|cancel|reset|call/(v2/)?{WORD})/?"),
}
ROUTES["HEAD"] = ROUTES["GET"]
ROOM = 2**16  # bytes of an upload besides the file itself

# Gradio's page has inline scripts and styles. Nothing is loaded from other hosts, and nothing is sent there.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:;"
    " object-src 'none'; base-uri 'self'; form-action 'self'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Guard:
    """ASGI middleware, see the module. `uploads` is Gradio's folder of uploaded files."""

    def __init__(self, app: ASGIApp, limits: Limits, uploads: pathlib.Path):
        self.app, self.limits, self.uploads = app, limits, uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or passes it on."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            refusal = self._refusal(scope)

            async def send_with_headers(message: Message) -> None:
                if message["type"] == "http.response.start":
                    MutableHeaders(scope=message).update(HEADERS)
                await send(message)

            await (refusal or self.app)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        method, path = scope["method"], scope["path"]
        known = ROUTES.get(method)
        if known is None or not known.fullmatch(path):
            return PlainTextResponse("there is no such page\n", 404)
        if path.startswith(FILE) and not self._is_upload(path.removeprefix(FILE)):
            return PlainTextResponse("there is no such file\n", 404)
        return self._body_refusal(scope) if method == "POST" else None

    def _body_refusal(self, scope: Scope) -> PlainTextResponse | None:
        length = Headers(scope=scope).get("content-length", "")
        if not length.isdecimal():
            return PlainTextResponse("the request needs a Content-Length\n", 411)
        is_upload = scope["path"] == UPLOAD
        most = self.limits.upload_bytes + ROOM if is_upload else self.limits.body_bytes
        if int(length) > most:
            return PlainTextResponse(f"the request has {length} bytes; at most {most} are accepted\n", 413)
        if is_upload and self._uploaded_bytes() + int(length) > self.limits.uploads_bytes:
            return PlainTextResponse("busy: there are too many uploads; try again in a few minutes\n", 503)
        return None

    def _is_upload(self, path: str) -> bool:
        """Is it the path of a file in the folder of uploads?"""
        try:
            file = pathlib.Path(urllib.parse.unquote(path)).resolve(strict=True)
        except (OSError, ValueError, RuntimeError):
            return False
        return file.is_file() and file.is_relative_to(self.uploads.resolve())

    def _uploaded_bytes(self) -> int:
        total = 0
        for file in self.uploads.rglob("*"):
            try:
                total += file.stat().st_size
            except OSError:  # deleted in the meantime
                continue
        return total
