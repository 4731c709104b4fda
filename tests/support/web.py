"""A real web server on the loopback, for channels and indexes: it can ask for credentials."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class Web:
    """What is served where, and what was asked for."""

    url: str
    asked: list[str] = field(default_factory=list)
    password: str | None = None
    redirect: str | None = None


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *arguments: Any, web: Web, **options: Any) -> None:
        self.web = web
        super().__init__(*arguments, **options)

    def do_GET(self) -> None:
        if self._may_pass():
            super().do_GET()

    def do_HEAD(self) -> None:
        if self._may_pass():
            super().do_HEAD()

    def _may_pass(self) -> bool:
        self.web.asked.append(self.path)
        if self.web.redirect is not None:
            self.send_response(302)
            self.send_header("Location", self.web.redirect + self.path)
            self.end_headers()
            return False
        if self.web.password is None:
            return True
        given = self.headers.get("Authorization", "")
        basic = base64.b64encode(f"user:{self.web.password}".encode()).decode()
        if given in (f"Basic {basic}", f"Bearer {self.web.password}"):
            return True
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="channel"')
        self.end_headers()
        return False

    def log_message(self, *_: Any) -> None:
        """Say nothing: the terminal belongs to the tests."""


@contextmanager
def serving(folder: Path, *, password: str | None = None) -> Iterator[Web]:
    """Serve a folder until the block ends."""
    web = Web(url="", password=password)
    handler = partial(_Handler, web=web, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        web.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield web
        finally:
            server.shutdown()
            thread.join()
