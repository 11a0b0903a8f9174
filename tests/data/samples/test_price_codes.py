"""Prices in a shop's letters: the digits of a text are those that its own word gives, and no word is on two sides."""

import pytest

from heedful.data.samples import steps
from heedful.data.samples.price_codes import TAGS
from heedful.errors import HeedfulError


def test_each_text_is_read_by_its_own_word() -> None:
    words = dict[str, set[str]]()
    for split, count in TAGS.items():
        rows = list(steps.read(f"sample://price-codes/{split}"))
        assert len(rows) == count
        words[split] = {row.group for row in rows}
        for row in rows:
            table, _, prices = row.source.partition(" : ")
            assert table.replace(" ", "") == row.group and len(set(row.group)) == 10
            digits = [str((table.split().index(letter) + 1) % 10) if letter != "," else "" for letter in prices.split()]
            assert row.labels == ("",) * 11 + tuple(digits)
    assert len(set().union(*words.values())) == sum(map(len, words.values())) > 480


def test_another_split_is_said() -> None:
    with pytest.raises(HeedfulError, match='Did you mean "test"'):
        next(steps.read("sample://price-codes/tests"))
