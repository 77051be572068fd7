"""A web site of somebody else's, on a port of its own: to a browser another origin than Sluice."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.services import HOST

LIBRARY = (Path(__file__).parent.parent / "clients" / "analytics-next.js").read_bytes()


@dataclass
class Site:
    """Serves Segment's library as an npm build would hold it, and one page, at whose head stands `head`."""

    url: str
    head: str = ""
    paths: list[str] = field(default_factory=list)

    def answer(self, path: str) -> tuple[str, bytes]:
        self.paths.append(path)
        if path == "/analytics-next.js":
            return "text/javascript", LIBRARY
        return "text/html", f"<!doctype html><title>Orders</title>{self.head}<h1>Orders</h1>".encode()


@contextlib.contextmanager
def running_site() -> Iterator[Site]:
    """Run the site for as long as the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content_type, body = site.answer(self.path)
            self.send_response(200)
            self.send_header("Content-Type", f"{content_type}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Keep quiet."""

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        site = Site(f"http://{HOST}:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
