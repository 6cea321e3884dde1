"""The guide: what the API can do, feature by feature, with commands that the test suite runs. Written in guide.md."""

from pathlib import Path

from markdown_it import MarkdownIt

GUIDE = Path(__file__).with_name("guide.md").read_text(encoding="utf-8")
WRITTEN_URL = "http://127.0.0.1:8000"
"""The base URL in the guide's commands."""


def guide_html(base_url: str) -> str:
    """Return the guide as HTML; its commands call `base_url`."""
    return str(MarkdownIt("commonmark", {"html": False}).render(GUIDE.replace(WRITTEN_URL, base_url)))
