"""URLs that people write."""

import pytest

from processor.client.address import Address, BadUrl, parse_address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://127.0.0.1:8000", Address("127.0.0.1", 8000, "", False)),
        ("http://127.0.0.1:8000/", Address("127.0.0.1", 8000, "", False)),
        ("https://payments.example/api/", Address("payments.example", 443, "/api", True)),
        ("http://[::1]:81", Address("::1", 81, "", False)),
    ],
)
def test_a_url_is_understood(url: str, address: Address) -> None:
    assert parse_address(url) == address
    assert parse_address(address.url) == address


@pytest.mark.parametrize(
    "url",
    [
        "",
        "8000",
        "127.0.0.1:8000",
        "ftp://x",
        "http://",
        "http://x:99999",
        "http://a b",
        "http://x/?q",
        "http://u@x",
        "http://x\r\nA: b",
    ],
)
def test_another_text_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(BadUrl, match=r"http://127\.0\.0\.1:8000"):
        parse_address(url)
