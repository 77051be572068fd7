"""Web origins as people write them, and as browsers send them."""

import pytest

from assistants.origins import MAX_ORIGINS, NotAnOrigin, read_origin, read_origins


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("https://www.example.com", "https://www.example.com"),
        ("HTTPS://WWW.Example.COM/", "https://www.example.com"),
        ("https://www.example.com:443", "https://www.example.com"),
        ("http://www.example.com:80/", "http://www.example.com"),
        ("https://www.example.com:8443", "https://www.example.com:8443"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("http://[0:0:0:0:0:0:0:1]", "http://[::1]"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
    ],
)
def test_an_origin_is_read_as_a_browser_sends_it(written: str, origin: str) -> None:
    assert read_origin(written) == origin


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("www.example.com", "does not begin with https:// (or http://)"),
        ("ftp://www.example.com", "does not begin with https:// (or http://)"),
        ("null", "does not begin with https:// (or http://)"),
        ("https://www.example.com/shop", "is more than an origin"),
        ("https://www.example.com?shop", "is more than an origin"),
        ("https://www.example.com#shop", "is more than an origin"),
        ("https://user@www.example.com", "is more than an origin"),
        ("*", "has a *"),
        ("https://*.example.com", "has a *"),
        ("https://", "has no valid host name"),
        ("https://-example.com", "has no valid host name"),
        ("https://www..example.com", "has no valid host name"),
        ("https://exa_mple.com", "has no valid host name"),
        ("https://bücher.example", "has letters that browsers rewrite"),
        ("https://www.example.com:http", "is not an address"),
        ("https://www.example.com:70000", "is not an address"),
        ("http://[::1", "is not an address"),
        ("http://[v1.a:b]", "holds no valid IPv6 address"),
    ],
)
def test_what_is_no_origin_is_refused_with_the_reason(written: str, fault: str) -> None:
    with pytest.raises(NotAnOrigin) as caught:
        read_origin(written)

    assert str(caught.value).startswith(f"“{written}” {fault}")


def test_several_are_separated_by_lines_commas_or_spaces_and_kept_once_in_order() -> None:
    texts = [
        "https://b.example\r\n\r\nhttps://a.example, https://B.example/",
        "https://c.example https://a.example:443",
    ]

    assert read_origins(texts) == ["https://b.example", "https://a.example", "https://c.example"]
    assert read_origins(["", " \n"]) == []


def test_there_is_an_end_to_how_many() -> None:
    origins = [f"https://{number}.example" for number in range(MAX_ORIGINS + 1)]

    assert read_origins(origins[:-1]) == origins[:-1]
    with pytest.raises(NotAnOrigin, match=r"^A key may have at most 50 origins, not 51\.$"):
        read_origins(origins)
