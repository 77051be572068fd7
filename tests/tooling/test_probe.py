"""The probe of containers tells whether the web server is well."""

import http.server
import threading
from collections.abc import Iterator
from http import HTTPStatus

import pytest

from config import probe
from tests.services import HOST, free_port


@pytest.fixture(params=[HTTPStatus.OK, HTTPStatus.INTERNAL_SERVER_ERROR])
def status(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[HTTPStatus]:
    """Run a server that answers everything with one status, on the port that the probe asks."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(request.param)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Say nothing: the test's output is the test's."""

    with http.server.HTTPServer((HOST, 0), Handler) as server:
        monkeypatch.setenv("PORT", str(server.server_port))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield request.param
        server.shutdown()
        thread.join()


def test_the_probe_passes_on_what_the_server_says(status: HTTPStatus) -> None:
    with pytest.raises(SystemExit) as ended:
        probe.main()
    assert ended.value.code == (0 if status == HTTPStatus.OK else 1)


def test_the_probe_fails_where_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", str(free_port()))
    with pytest.raises(SystemExit) as ended:
        probe.main()
    assert ended.value.code == 1
