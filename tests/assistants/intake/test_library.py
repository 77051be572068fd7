"""Segment's library for pages, as it is handed out."""

import gzip
import re

import pytest

from assistants.intake.library import FOLDER
from tests.assistants.intake.conftest import Sender

SCRIPT = "/analytics.js/v1/slu_browser_00000000_0/analytics.min.js"
BUNDLES = sorted(file.name for file in FOLDER.glob("*.bundle.*.js"))


def test_the_library_is_handed_out_to_every_page_as_it_was_published(stranger: Sender) -> None:
    response = stranger.request(
        "GET", SCRIPT, headers={"Accept-Encoding": "identity", "Origin": "https://shop.example"}
    )

    assert response.status_code == 200
    assert response.content == (FOLDER / "standalone.js").read_bytes()
    assert dict(response.headers) == {
        "content-type": "text/javascript; charset=utf-8",
        "content-length": str(len(response.content)),
        "cross-origin-resource-policy": "cross-origin",
        "x-content-type-options": "nosniff",
        "vary": "accept-encoding",
        "cache-control": "public, max-age=3600",
        "access-control-allow-origin": "*",
        "access-control-expose-headers": "retry-after",
    }


def test_a_browser_gets_it_compressed(stranger: Sender) -> None:
    response = stranger.request("GET", SCRIPT, headers={"Accept-Encoding": "gzip, deflate, br"})

    assert response.headers["content-encoding"] == "gzip"
    assert response.content == (FOLDER / "standalone.js").read_bytes()
    assert int(response.headers["content-length"]) == len(gzip.compress(response.content, mtime=0)) < 40_000


def test_every_part_that_is_loaded_later_may_be_kept_for_good(stranger: Sender) -> None:
    for name in BUNDLES:
        response = stranger.request("GET", f"/analytics-next/bundles/{name}")
        assert response.content == (FOLDER / name).read_bytes()
        assert response.headers["cache-control"] == "public, max-age=31536000"


def test_the_parts_are_those_that_the_library_names(stranger: Sender) -> None:
    hashes = dict(re.findall(r'(\d+):"([0-9a-f]{20})"', (FOLDER / "standalone.js").read_text()))

    assert {name.split(".")[2] for name in BUNDLES} <= set(hashes.values())
    assert [name.split(".")[0] for name in BUNDLES] == ["auto-track", "queryString", "schemaFilter"]


@pytest.mark.parametrize(
    "path",
    [
        "/analytics.js/v1/key/standalone.js",
        "/analytics.js/v2/key/analytics.min.js",
        "/analytics.js/v1/analytics.min.js",
        "/analytics-next/bundles/LICENSES.txt",
        "/analytics-next/bundles/../app.py",
        "/analytics-next/bundles/%2e%2e%2fapp.py",
        "/analytics-next/standalone.js",
    ],
)
def test_beside_them_there_is_nothing(stranger: Sender, path: str) -> None:
    response = stranger.request("GET", path)

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_it_is_only_read(stranger: Sender) -> None:
    assert stranger.post(SCRIPT, {}).status_code == 404
