"""The quick way to escape a form gives the same bytes as the usual one."""

from urllib.parse import urlencode

from hypothesis import given
from hypothesis import strategies as st

from processor.bridges.sns.form import form_of

EVENT = '{"id":"0:17:2","data":{"note":"50% of a + b & c = \\u00e9 é 💶 \\\\ ~","at":"2026-01-31T12:00:00.000001Z"}}'


@given(st.dictionaries(st.text(), st.text() | st.text('abc%+ ~_.-"{}[]:,/\\&=é\n')))
def test_any_text_is_escaped_as_usual(members: dict[str, str]) -> None:
    assert form_of(members) == urlencode(members).encode()


def test_an_event_is_escaped_as_usual() -> None:
    members = {"PublishBatchRequestEntries.member.1.Message": EVENT, "Plain": EVENT.encode("ascii", "ignore").decode()}
    assert form_of(members) == urlencode(members).encode()
