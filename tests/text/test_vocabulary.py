"""Vocabularies: characters, words or bytes to numbers and back."""

import json
from collections.abc import Iterator
from itertools import cycle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad.errors import ArgumentError, DataError
from minigrad.text.vocabulary import LEVELS, UNKNOWN, Bytes, Vocabulary, Words

texts = st.text(st.sampled_from("abcé \n汉😀\r\t,.'_7\u2028")) | st.text()
each_level = pytest.mark.parametrize("level", LEVELS)


# ---------------------------------------------------------------- every level


def test_levels() -> None:
    assert list(LEVELS.items()) == [("char", Vocabulary), ("word", Words), ("byte", Bytes)]
    assert [kind.unit for kind in LEVELS.values()] == ["characters", "words", "bytes"]


@each_level
@given(texts)
def test_decode_undoes_encode(level: str, text: str) -> None:
    v = LEVELS[level].of(text)
    numbers = v.encode(text)
    assert numbers.dtype == np.int64
    assert numbers.shape == (len(numbers),)
    assert v.decode(numbers) == text
    assert v.decode(list(numbers)) == text
    assert "".join(v.decode_stream(int(n) for n in numbers)) == text


@each_level
@given(texts)
def test_a_text_is_split_into_a_piece_for_each_number(level: str, text: str) -> None:
    v = LEVELS[level].of(text)
    pieces = v.split(text)
    assert len(pieces) == len(v.encode(text))
    assert "".join(pieces) == text
    assert not any("\n" in piece for piece in pieces if piece != "\n")


@each_level
@given(texts)
def test_its_symbols_make_it_again(level: str, text: str) -> None:
    v = LEVELS[level].of(text)
    for symbols in (v.symbols, json.loads(json.dumps(list(v.symbols)))):
        again = LEVELS[level](symbols)
        assert (repr(again), len(again), again.symbols) == (repr(v), len(v), v.symbols)
        np.testing.assert_array_equal(again.encode(text), v.encode(text))


@each_level
def test_a_stream_is_decoded_as_it_comes(level: str) -> None:
    v = LEVELS[level].of("é!")
    endless: Iterator[str] = v.decode_stream(cycle(v.encode("é!").tolist()))
    assert [next(endless) for _ in range(5)] == ["é", "!", "é", "!", "é"]


@each_level
def test_what_a_text_can_begin_with(level: str) -> None:
    v = LEVELS[level].of("some text")
    assert all(v.decode([n]) not in (UNKNOWN, "\ufffd") for n in v.starts)
    assert len(v.starts) == {"char": len(v), "word": 3, "byte": 95}[level]


@pytest.mark.parametrize(
    ("kind", "symbols", "message"),
    [
        (Vocabulary, "hello", "each character once, not 'l' twice"),
        (Vocabulary, ["a", "bc"], "of characters cannot hold 'bc'"),
        (Vocabulary, ["a", ""], "of characters cannot hold ''"),
        (Vocabulary, ["a", 1], "of characters cannot hold 1"),
        (Vocabulary, [["a"]], r"of characters cannot hold \['a'\]"),
        (Words, [], "the first symbol of a vocabulary of words is '<unk>'"),
        (Words, ["the", UNKNOWN], "the first symbol of a vocabulary of words is '<unk>'"),
        (Words, [UNKNOWN, UNKNOWN], "each word once, not '<unk>' twice"),
        (Words, [UNKNOWN, "a", "a"], "each word once, not 'a' twice"),
        (Words, [UNKNOWN, "the cat"], "of words cannot hold 'the cat'"),
        (Words, [UNKNOWN, "\n\n"], "of words cannot hold '"),
        (Words, [UNKNOWN, ""], "of words cannot hold ''"),
        (Words, [UNKNOWN, None], "of words cannot hold None"),
        (Bytes, ["a"], "of bytes holds all 256 and takes no 'a'"),
    ],
)
def test_symbols_that_are_none_are_refused(kind: Any, symbols: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        kind(symbols)


# ---------------------------------------------------------------- characters


@given(texts)
def test_it_holds_each_character_once_in_order(text: str) -> None:
    v = Vocabulary.of(text)
    assert v.symbols == "".join(sorted(set(text)))
    assert len(v) == len(set(text))
    assert v.encode("".join(v.symbols)).tolist() == list(range(len(v)))


def test_the_order_given_is_kept() -> None:
    v = Vocabulary(["h", "e", "l", "o"])
    assert v.encode("hello").tolist() == [0, 1, 2, 2, 3]
    assert repr(v) == "Vocabulary('helo')"


def test_an_unknown_character_is_named_with_its_place() -> None:
    with pytest.raises(DataError, match="'w', at place 5 of the text, in line 1, is not among"):
        Vocabulary("helo").encode("hellow")


# ---------------------------------------------------------------- words


def test_words_are_runs_marks_and_white_space() -> None:
    pieces = ["It", "'", "s", " \t", "naïve_2", ".", ".", "\n", "\n", "  ", "汉字", "!", "\r", "\n"]
    assert Words.of("").split("".join(pieces)) == pieces


def test_the_most_frequent_words_are_kept_and_of_equals_the_first() -> None:
    text = "b,a,a,b,c"
    assert Words.of(text, 1).symbols == (UNKNOWN, ",")
    assert Words.of(text, 2).symbols == (UNKNOWN, ",", "b")
    assert Words.of(text, 9).symbols == Words.of(text).symbols == (UNKNOWN, ",", "b", "a", "c")
    with pytest.raises(ArgumentError, match="from 1 word up, and not 0"):
        Words.of(text, 0)


@given(texts)
def test_every_text_can_be_encoded_in_words(text: str) -> None:
    v = Words.of("a, b\n")
    pieces = v.split(text)
    expected = [piece if piece in v.symbols[1:] else UNKNOWN for piece in pieces]
    assert list(v.decode_stream(v.encode(text))) == expected


def test_the_letters_of_unknown_are_not_the_unknown_word() -> None:
    v = Words.of(UNKNOWN)
    assert v.symbols == (UNKNOWN, "<", "unk", ">")
    assert v.encode(UNKNOWN).tolist() == [1, 2, 3]
    assert v.encode("what").tolist() == [0]


def test_a_long_list_of_words_has_a_short_repr() -> None:
    assert len(repr(Words.of(" ".join(map(str, range(5000)))))) < 70


# ---------------------------------------------------------------- bytes


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_encoded_and_decoded_as_utf8(raw: bytes) -> None:
    v = Bytes()
    numbers = v.encode(raw)
    assert numbers.tolist() == list(raw)
    text = raw.decode("utf-8", "replace")
    assert v.decode(numbers) == text
    pieces = list(v.decode_stream(numbers))
    assert "".join(pieces) == text
    assert all(pieces)
    split = v.split(raw)
    assert len(split) == len(raw)
    assert "".join(split) == text


@given(st.text())
def test_a_stream_of_bytes_is_cut_between_characters(text: str) -> None:
    assert list(Bytes().decode_stream(Bytes().encode(text))) == list(text)


def test_what_is_no_character_can_be_encoded_too() -> None:
    assert Bytes().encode("a\ud800").tolist() == [97, 0xED, 0xA0, 0x80]
    assert Bytes().split("a\ud800")[0] == "a"
