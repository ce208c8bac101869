"""A proxy that puts a run below a path of its host, as a gateway's named stage does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

HOP_BY_HOP = {"connection", "content-length", "date", "host", "server", "transfer-encoding"}


@contextmanager
def below(base_url: str, path: str) -> Iterator[str]:
    """Where `base_url` is reached at `path`; what lies elsewhere on that host is 404."""
    with httpx.Client(base_url=base_url, timeout=60) as upstream:

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._pass_on()

            def do_POST(self) -> None:
                self._pass_on()

            def _pass_on(self) -> None:
                if not self.path.startswith(f"{path}/"):
                    return self.send_error(404)
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                answer = upstream.request(
                    self.command,
                    self.path.removeprefix(path),
                    headers=[one for one in self.headers.items() if _ends_there(one[0])],
                    content=body,
                )
                self.send_response(answer.status_code)
                for name, value in answer.headers.items():
                    if _ends_there(name) and name != "content-encoding":
                        self.send_header(name, value)
                self.send_header("content-length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}{path}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def _ends_there(header: str) -> bool:
    return header.lower() not in HOP_BY_HOP
