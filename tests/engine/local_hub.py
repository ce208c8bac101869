"""A hub on this machine, as much of one as the real client asks for."""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

Repositories = Mapping[tuple[str, str], Path]
"""Folders by repository and commit."""


@contextmanager
def hub_with(repositories: Repositories) -> Iterator[str]:
    """The address of a hub that holds these repositories."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Hub, repositories))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class _Hub(BaseHTTPRequestHandler):
    def __init__(self, repositories: Repositories, *args: object) -> None:
        self._repositories = repositories
        # The standard library hands over what it will: it is passed on as it came.
        super().__init__(*args)  # type: ignore[arg-type]  # passed on

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        match unquote(urlsplit(self.path).path).strip("/").split("/"):
            case ["api", "models", owner, name, "tree" | "revision" as kind, commit, *_]:
                self._listing(f"{owner}/{name}", commit, kind)
            case [owner, name, "resolve", commit, *path]:
                self._file(f"{owner}/{name}", commit, "/".join(path), with_body)
            case _:
                self._refuse("EntryNotFound")

    def _listing(self, repository: str, commit: str, kind: str) -> None:
        if (folder := self._repositories.get((repository, commit))) is None:
            known = {name for name, _ in self._repositories}
            return self._refuse("RevisionNotFound" if repository in known else "RepoNotFound")
        paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        names = [path.relative_to(folder).as_posix() for path in paths]
        tree = [
            {"type": "file", "path": name, "size": path.stat().st_size, "oid": _oid(path)}
            for name, path in zip(names, paths, strict=True)
        ]
        whole = {"id": repository, "sha": commit, "siblings": [{"rfilename": n} for n in names]}
        body = json.dumps(tree if kind == "tree" else whole).encode()
        self._send(200, {"Content-Type": "application/json"}, body)

    def _file(self, repository: str, commit: str, name: str, with_body: bool) -> None:
        path = self._repositories[(repository, commit)] / name
        if not path.is_file():
            return self._refuse("EntryNotFound")
        headers = {"X-Repo-Commit": commit, "ETag": f'"{_oid(path)}"'}
        self._send(200, headers, path.read_bytes(), with_body=with_body)

    def _refuse(self, code: str) -> None:
        self._send(404, {"X-Error-Code": code}, b"")

    def _send(
        self, status: int, headers: Mapping[str, str], body: bytes, *, with_body: bool = True
    ) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)


def _oid(path: Path) -> str:
    """A file's name in git."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
