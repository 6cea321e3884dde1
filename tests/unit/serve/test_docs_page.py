"""The documentation page is whole in itself and its examples can be pasted."""

import re
import shlex
from html import unescape
from html.parser import HTMLParser

import httpx
import msgspec
import pytest

from serve.routes.table import route_table
from serve.wire.problems import KINDS

pytestmark = pytest.mark.anyio

VOID = {"meta", "link", "br", "img"}


class Page(HTMLParser):
    """Checks that tags nest, and collects ids, links and everything that would load something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        named = dict(attrs)
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.links += [named["href"] or ""] if tag == "a" else []
        self.loads += [tag] if tag in ("script", "link", "img", "iframe") or "src" in named else []

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


async def test_the_page_loads_nothing_and_its_links_lead_somewhere(bare_api: httpx.AsyncClient) -> None:
    answer = await bare_api.get("/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    page = Page(answer.text)
    assert page.loads == [] and "url(" not in answer.text and "@import" not in answer.text
    assert len(set(page.ids)) == len(page.ids)
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert {link for link in page.links if not link.startswith("#")} == {"/openapi.json"}


async def test_the_page_shows_every_route_and_every_code(bare_api: httpx.AsyncClient) -> None:
    text = (await bare_api.get("/docs")).text
    page = Page(text)
    for route in route_table():
        assert route.path in text and route.handler.__name__ in page.ids
    assert {f"problem-{code}" for code in KINDS} <= set(page.ids)


async def test_the_type_of_a_problem_leads_to_its_place_on_the_page(bare_api: httpx.AsyncClient) -> None:
    problem = (await bare_api.get("/nowhere")).json()
    path, _, anchor = problem["type"].partition("#")
    assert anchor in Page((await bare_api.get(path)).text).ids


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("localhost:9000", "http://localhost:9000/"),
        ("[::1]:8000", "http://[::1]:8000/"),
        ('x"><script>', "http://127.0.0.1:8000/"),
    ],
)
async def test_examples_call_the_host_that_the_page_came_from(bare_api: httpx.AsyncClient, host: str, shown: str) -> None:
    text = (await bare_api.get("/docs", headers={"Host": host})).text
    assert "<script" not in text
    assert all(command.startswith(shown) for command in re.findall(r"http://\S+", text))


async def test_every_example_works_in_the_order_of_the_page_when_accounts_are_opened_first(
    bare_projected_api: httpx.AsyncClient,
) -> None:
    bare_api = bare_projected_api
    # The guide's commands build on each other; they have a test of their own.
    text = re.sub(r"<section id=\"?guide.*?</section>", "", (await bare_api.get("/docs")).text, flags=re.DOTALL)
    examples = re.findall(r"<pre><code>(.*?)</code></pre>", text, re.DOTALL)
    commands = [shlex.split(unescape(example).replace("\\\n", "")) for example in examples]
    assert len(commands) >= len(route_table())
    is_opening = [command for command in commands if "http://127.0.0.1:8000/v1/accounts" in command]
    for command in is_opening + [command for command in commands if command not in is_opening]:
        answer = await _run(bare_api, command)
        if answer.status_code not in (200, 201):
            assert answer.json()["code"] in (
                "payment_not_found",
                "account_not_empty",
                "webhook_not_found",
                "dead_letters_not_configured",
            ), answer.text


async def _run(client: httpx.AsyncClient, words: list[str]) -> httpx.Response:
    assert words.pop(0) == "curl"
    method, headers, body, url = "GET", {}, None, ""
    while words:
        match words.pop(0):
            case "-X":
                method = words.pop(0)
            case "-N":
                method = "HEAD"  # Its answer has no end.
            case "-H":
                name, _, value = words.pop(0).partition(": ")
                headers[name] = value
            case "-d":
                method, body = "POST", words.pop(0)
                msgspec.json.decode(body)
            case word:
                url = word
    return await client.request(method, url, headers=headers, content=body)
