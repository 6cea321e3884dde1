"""Payment ids name a place in the journal and sort by time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.core.ids import ALPHABET, LENGTH, Place, parse_payment_id, payment_id

places = st.builds(
    Place, st.integers(0, 2**55 - 1), st.integers(0, 2**15 - 1), st.integers(0, 2**40 - 1), st.integers(0, 2**20 - 1)
)


@given(places)
def test_an_id_names_the_place_it_was_made_from(place: Place) -> None:
    text = payment_id(*place)
    assert (len(text), text[:4]) == (LENGTH, "pay_")
    assert parse_payment_id(text) == place


@given(places, places)
def test_ids_sort_as_their_places_do(one: Place, other: Place) -> None:
    assert (payment_id(*one) < payment_id(*other)) == (one < other)


@given(st.text(alphabet=ALPHABET, min_size=26, max_size=26))
def test_every_text_of_the_right_shape_is_the_id_of_one_place(text: str) -> None:
    place = parse_payment_id("pay_" + text)
    assert place is not None
    assert payment_id(*place) == "pay_" + text


@pytest.mark.parametrize(
    "text",
    ["", "pay_", "pay_" + "0" * 25, "pay_" + "0" * 27, "ref_" + "0" * 26, "pay_" + "0" * 25 + "U", "pay_" + "0" * 25 + "a"],
)
def test_anything_else_is_no_id(text: str) -> None:
    assert parse_payment_id(text) is None
