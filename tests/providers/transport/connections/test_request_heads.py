"""What is sent of a request besides its body."""

import pytest

from rayconteur.providers.transport.connections.request_head import Origin, RequestHead


@pytest.mark.parametrize(
    ("url", "origin", "host"),
    [
        ("http://Raven.Example/v1", ("http", "raven.example", 80), "raven.example"),
        ("https://raven.example:443", ("https", "raven.example", 443), "raven.example"),
        ("https://raven.example:80/", ("https", "raven.example", 80), "raven.example:80"),
        ("http://[::1]:8080/v1", ("http", "::1", 8080), "[::1]:8080"),
        ("https://räven.example", ("https", "xn--rven-loa.example", 443), "xn--rven-loa.example"),
        ("https://user:password@raven.example/", ("https", "raven.example", 443), "raven.example"),
    ],
)
def test_the_server_of_a_url_is_its_scheme_host_and_port(url: str, origin: tuple[str, str, int], host: str) -> None:
    assert Origin.of(url) == origin
    assert str(Origin.of(url)) == host


@pytest.mark.parametrize(
    "url",
    [
        "",
        "raven.example",
        "ftp://raven.example",
        "http://",
        "http://x:99999",
        "https://[",
        "http://a b/",
        "http://a..b/",
    ],
)
def test_what_is_no_url_of_a_server_is_rejected(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (urllib's have various messages)
        Origin.of(url)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://x", "/"),
        ("http://x?q=1", "/?q=1"),
        ("http://x/a/../b", "/a/../b"),
        ("http://x/v1/m%3A0/a%2Fb?q=%20#fragment", "/v1/m%3A0/a%2Fb?q=%20"),
        ("http://x/models/räv en:stream", "/models/r%C3%A4v%20en:stream"),
    ],
)
def test_the_target_of_a_request_stays_as_it_is_but_for_what_a_url_cannot_contain(url: str, target: str) -> None:
    assert RequestHead("GET", url, ()).encode(None).startswith(f"GET {target} HTTP/1.1\r\n".encode())


def test_a_head_has_the_headers_in_their_order_and_those_that_every_request_needs() -> None:
    headers = [("X-First", "1"), ("Host", "elsewhere"), ("Content-Length", "9"), ("accept", "text/event-stream")]

    assert RequestHead("POST", "http://raven.example:81/v1", headers).encode(b"{}") == (
        b"POST /v1 HTTP/1.1\r\nHost: raven.example:81\r\nX-First: 1\r\naccept: text/event-stream\r\n"
        b"Accept-Encoding: gzip, deflate\r\nContent-Length: 2\r\n\r\n"
    )


def test_a_proxy_gets_the_whole_url_and_its_own_headers() -> None:
    head = RequestHead("GET", "http://raven.example/v1", (("Accept", "*/*"), ("Accept-Encoding", "gzip")))

    assert head.encode(None, b"Proxy-Authorization: Basic eA==\r\n") == (
        b"GET http://raven.example/v1 HTTP/1.1\r\nHost: raven.example\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n"
        b"Proxy-Authorization: Basic eA==\r\n\r\n"
    )


@pytest.mark.parametrize("header", [("X", "a\r\nEvil: yes"), ("X", "a\nb"), ("X\r\nEvil", "a")])
def test_no_header_brings_another_one_in(header: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="contains a line break"):
        RequestHead("GET", "http://x", (header,))
