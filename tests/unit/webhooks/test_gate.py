"""Which URLs and addresses a webhook may lead to: nothing that only this program can reach."""

import pytest
from aiohttp.abc import ResolveResult

from processor.bridges.webhooks.addresses import is_public, parse_address, parse_networks
from processor.bridges.webhooks.gate import CheckedResolver, Gate, NameLookup, Refused
from processor.bridges.webhooks.url import BadUrl, parse_url
from processor.settings import BadSettings, Settings

pytestmark = pytest.mark.anyio
PUBLIC = "93.184.215.14"
PUBLIC_V6 = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"


class Names:
    """Answers like a name server: the next answer each time, the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, name: str) -> list[str]:
        self.asked.append(name)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def gate(*answers: list[str], allowed: str = "") -> Gate:
    return Gate(parse_networks(Settings(webhook_allowed_networks=allowed)), Names(*answers))


REFUSED = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.8.9.10", "168.63.129.16",
    "169.254.0.1", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.5", "192.88.99.1",
    "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", f"::ffff:{PUBLIC}", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1", "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:10::1", "2001:db8::1", "2002:7f00:1::",
    "2002:a9fe:a9fe::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fdff::1", "fe80::1", "fec0::1", "ff02::1", "4000::1",
]  # fmt: skip
TAKEN = [PUBLIC, "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1", "192.167.1.1",
         "223.255.255.255", PUBLIC_V6, "2a00:1450:4001:82f::200e", "2001:4860:4860::8888"]  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
async def test_addresses_that_are_not_public_are_refused_as_host_and_as_answer_of_a_name_server(text: str) -> None:
    host = f"[{text}]" if ":" in text else text
    with pytest.raises(BadUrl):
        await gate([PUBLIC]).check_url(f"https://{host}/hook")
    with pytest.raises(BadUrl):
        await gate([text]).check_url("https://example.com/hook")
    with pytest.raises(Refused):
        await gate([PUBLIC, text]).addresses("https", "example.com")  # one bad address among good ones


@pytest.mark.parametrize("text", TAKEN)
async def test_public_addresses_are_taken(text: str) -> None:
    address = parse_address(text)
    assert address is not None
    assert is_public(address)
    host = f"[{text}]" if ":" in text else text
    await gate([text]).check_url(f"https://{host}/hook")
    await gate([text]).check_url("https://example.com:8443/hook")


@pytest.mark.parametrize(
    "url",
    [
        "https://2130706433/", "https://0x7f000001/", "https://0x7f.0.0.1/", "https://0177.0.0.1/", "https://127.1/", "https://127.0.1/",
        "https://0/", "https://1.1.1.1.1/", "https://1.1.1.256/", "https://01.1.1.1/", "https://example.0x1/", "https://１２７.0.0.1/",
        "https://[::1%25eth0]/", "https://[fe80::1%eth0]/", "https://[::ffff:127.0.0.1/", "https://[1]/", "https://::1/",
        "https://user@example.com/", "https://user:password@example.com/", "https://example.com@127.0.0.1/", "https://@example.com/",
        "https://example.com/#fragment", "https://example.com\\@127.0.0.1/", "https://example.com/a b", "https://example.com/\r\nX: y",
        "https://example.com/%zz", "https://exämple.com/", "https://example..com/", "https://example.com./", "https://-a.example/",
        "https://.example.com/", "https:///hook", "https://", "//example.com/", "example.com/hook", "", " https://example.com/",
        "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "javascript:alert(1)", "HTTPS://example.com/",
        "https://example.com:0/", "https://example.com:22/", "https://example.com:25/", "https://example.com:65536/",
        "https://example.com:/", "https://example.com:443:80/", "https://example.com:-1/", "https://" + "a" * 64 + ".com/",
        "https://" + "a." * 127 + "com/", "https://example.com/" + "a" * 2048,
    ],
)  # fmt: skip
def test_urls_that_programs_may_read_differently_or_that_lead_elsewhere_are_refused(url: str) -> None:
    with pytest.raises(BadUrl):
        parse_url(url)


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://example.com", "example.com", 443),
        ("https://Hooks.example.com:8443/a/b?c=d&e=%20", "Hooks.example.com", 8443),
        ("https://xn--exmple-cua.com/", "xn--exmple-cua.com", 443),
        ("http://localhost:1024/", "localhost", 1024),
        ("http://a_b.internal/", "a_b.internal", 80),
        (f"https://[{PUBLIC_V6}]:9000/x", PUBLIC_V6, 9000),
        ("https://1.1.1.1/", "1.1.1.1", 443),
        ("https://7.example/", "7.example", 443),
    ],
)
def test_ordinary_urls_are_taken(url: str, host: str, port: int) -> None:
    target = parse_url(url)
    assert (target.host, target.port) == (host, port)
    assert (target.address is not None) is (host in (PUBLIC_V6, "1.1.1.1"))


async def test_http_is_for_allowed_networks_alone() -> None:
    with pytest.raises(BadUrl, match="https"):
        await gate([PUBLIC]).check_url("http://example.com/")
    with pytest.raises(BadUrl, match="https"):
        await gate([PUBLIC], allowed="10.1.0.0/16").check_url(f"http://{PUBLIC}/")
    await gate(["10.1.2.3"], allowed="10.1.0.0/16").check_url("http://hooks.internal:8080/")
    await gate([PUBLIC], allowed="10.1.0.0/16").check_url("http://10.1.2.3:8080/")


async def test_an_allowed_network_allows_its_own_addresses_and_no_others() -> None:
    networks = "10.1.0.0/16,fd12::/16"
    for text in ("10.1.255.255", "fd12::1"):
        assert await gate([text], allowed=networks).addresses("https", "hooks.internal") == [text]
    for text in ("10.2.0.1", "127.0.0.1", "fd13::1", "::ffff:10.1.0.1"):
        with pytest.raises(Refused):
            await gate([text], allowed=networks).addresses("https", "hooks.internal")


@pytest.mark.parametrize("text", ["10.1.0.1/16", "1.2.3", "10.0.0.0/33", "fd12::/129", "10.0.0.0/8,,x"])
def test_networks_that_are_none_are_told_so(text: str) -> None:
    with pytest.raises(BadSettings, match="webhook_allowed_networks"):
        parse_networks(Settings(webhook_allowed_networks=text))


async def test_a_name_that_is_public_when_registered_and_private_when_connected_to_leads_nowhere() -> None:
    rebinding = gate([PUBLIC], ["127.0.0.1"])
    await rebinding.check_url("https://rebinding.example/")
    with pytest.raises(Refused, match=r"127\.0\.0\.1"):
        await CheckedResolver(rebinding, "https").resolve("rebinding.example", 443)


async def test_what_was_checked_is_what_is_connected_to() -> None:
    names = Names([PUBLIC, PUBLIC_V6], ["127.0.0.1"])
    found: list[ResolveResult] = await CheckedResolver(Gate([], names), "https").resolve("example.com", 8443)
    assert [(one["host"], one["port"], one["hostname"]) for one in found] == [
        (PUBLIC, 8443, "example.com"),
        (PUBLIC_V6, 8443, "example.com"),
    ]
    assert names.asked == ["example.com"], "the name is looked up once"


async def test_a_name_without_an_address_is_no_reason_to_refuse_an_https_url_but_cannot_be_connected_to() -> None:
    async def fails(name: str) -> list[str]:
        raise OSError(f"the name {name} could not be looked up")

    for unknown in (Gate([], fails), gate([])):
        await unknown.check_url("https://not-yet.example/")
        with pytest.raises(BadUrl, match="http is for allowed networks"):
            await unknown.check_url("http://not-yet.example/")
        with pytest.raises(OSError):
            await unknown.addresses("https", "not-yet.example")


async def test_the_systems_lookup_answers_with_addresses_in_their_usual_form() -> None:
    lookup = NameLookup()
    assert "127.0.0.1" in await lookup("localhost")
    assert await lookup("0x7f.1") == [
        "127.0.0.1"
    ]  # The system reads what the URL's rules refuse; the gate would refuse it again.
    with pytest.raises(OSError, match="could not be looked up"):
        await lookup("nobody.invalid")
    lookup.close()
