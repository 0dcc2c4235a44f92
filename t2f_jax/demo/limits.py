"""Limits of the demo's requests."""

import dataclasses

MIB = 2**20


@dataclasses.dataclass(frozen=True)
class Limits:
    """Limits of requests.

    Attributes:
      working: requests that are processed at once.
      waiting: further requests that may wait; others get an answer that the server is busy.
      upload_bytes: of an uploaded file.
      uploads_bytes: of all uploaded files together, which are deleted after `upload_seconds`.
      upload_seconds: how long an uploaded file is kept.
      body_bytes: of any other request.
      pixels: of an uploaded picture.
      faces: shown for one request.
      drawn: generated for one request, of which the best are shown.
      captions: for one face.
      signs: characters of a text.
      attributes: named in one request.
      sessions: for which the page remembers settings.
    """

    working: int = 32
    waiting: int = 64
    upload_bytes: int = 10 * MIB
    uploads_bytes: int = 500 * MIB
    upload_seconds: int = 900
    body_bytes: int = MIB // 16
    pixels: int = 30_000_000
    faces: int = 8
    drawn: int = 32
    captions: int = 8
    signs: int = 1000
    attributes: int = 100
    sessions: int = 100
