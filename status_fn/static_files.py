"""The playground's files, told apart by ETag, with the headers that fence the page in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from urllib.parse import urlsplit

from shared.errors import NotFound
from shared.http.router import Request, Response
from shared.ports import Clock, ImageStore

PAGE = "index.html"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
# Nothing from elsewhere but pictures, no inline script or style, and no string becomes markup.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: {pictures}; "
    "connect-src 'self' {pictures}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


@dataclass(frozen=True, kw_only=True)
class File:
    """One file as it is served."""

    text: str
    content_type: str
    etag: str


@dataclass(frozen=True)
class Playground:
    """Endpoints for the page and what it loads. `images` and `clock` tell where links lead."""

    images: ImageStore
    clock: Clock

    def page(self, request: Request) -> Response:
        """`GET /`."""
        return self._serve(PAGE, request)

    def file(self, request: Request) -> Response:
        """`GET /playground/{file}`. Raises NotFound."""
        return self._serve(request.path["file"], request)

    def _serve(self, name: str, request: Request) -> Response:
        file = _files().get(name)
        if file is None:
            raise NotFound("the playground has no such file")
        headers = {
            "ETag": file.etag,
            # Always asked about again, so that no browser mixes two versions' files.
            "Cache-Control": "no-cache",
            "Content-Security-Policy": self._policy,
            "Cross-Origin-Opener-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        seen = request.headers.get("if-none-match", "").strip()
        if seen == "*" or file.etag in seen:
            return Response(status=304, headers=headers)
        typed = {**headers, "Content-Type": file.content_type}
        return Response(body=file.text, headers=typed)

    @cached_property
    def _policy(self) -> str:
        link = urlsplit(self.images.link("images/none", now_ms=self.clock(), lasts_s=60).url)
        return _POLICY.format(pictures=f"{link.scheme}://{link.netloc}")


@cache
def _files() -> dict[str, File]:
    folder = files("status_fn") / "playground"
    return {file.name: _file(file.name, file.read_text("utf-8")) for file in folder.iterdir()}


def _file(name: str, text: str) -> File:
    digest = hashlib.sha256(text.encode()).hexdigest()[:20]
    return File(text=text, content_type=_TYPES[name[name.rindex(".") :]], etag=f'"{digest}"')
