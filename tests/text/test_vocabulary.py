"""Vocabularies: characters to numbers and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad.errors import DataError
from minigrad.text import Vocabulary

texts = st.text(st.sampled_from("abcé \n汉😀"))


@given(texts)
def test_decode_undoes_encode(text: str) -> None:
    v = Vocabulary.of(text)
    numbers = v.encode(text)
    assert numbers.dtype == np.int64
    assert v.decode(numbers) == text
    assert v.decode(list(numbers)) == text


@given(texts)
def test_it_holds_each_character_once_in_order(text: str) -> None:
    v = Vocabulary.of(text)
    assert v.symbols == "".join(sorted(set(text)))
    assert len(v) == len(set(text))
    assert v.encode(v.symbols).tolist() == list(range(len(v)))


def test_the_order_given_is_kept() -> None:
    v = Vocabulary(["h", "e", "l", "o"])
    assert v.encode("hello").tolist() == [0, 1, 2, 2, 3]
    assert repr(v) == "Vocabulary('helo')"


def test_an_unknown_character_is_named_with_its_place() -> None:
    with pytest.raises(DataError, match=r"'w', at place 5 of the text, is not among the 4 that"):
        Vocabulary("helo").encode("hellow")


def test_a_character_twice_is_refused() -> None:
    with pytest.raises(DataError, match="each character once"):
        Vocabulary("hello")
