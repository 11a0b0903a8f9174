"""Constraints are kept in the text, whatever tokens spell it; the impossible is an error.

V vocabulary
"""

import re
from collections import Counter
from dataclasses import replace
from functools import cache
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from heedful.data.tokenizers.learn import learn
from heedful.data.tokenizers.special_tokens import BOS, EOS, PAD, UNK
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.errors import HeedfulError
from heedful.generation.batch import Hypothesis
from heedful.generation.phrases import Phrase, plain
from heedful.generation.rules import rules_of
from heedful.generation.stepper import SpecialIds
from support.tiny_networks import FIRST
from support.tiny_search import PIECES, SPECIAL, answers, decode, encode, generate, network, scores, start

TOKENIZED = SpecialIds(BOS, EOS, suppressed=(PAD, BOS, UNK))


@pytest.mark.parametrize(
    ("phrase", "text", "held"),
    [
        ("art", "state-of-the-art", True),
        ("art", "part", False),
        ("art", "l'art.", True),
        ("New York", "in New  \nYork!", True),
        ("new york", "New York", False),
        ("a a", "b a a a", True),
        ("x_1", "x_12", False),
        ("猫", "黒猫だ", True),
        ("กา", "มากา", True),
        ("York", "猫York猫", True),
        ("cafe", "cafe\u0301", False),
        ("caf\u00e9", "cafe\u0301s", False),
        ("caf\u00e9", "(cafe\u0301)", True),
        ("か", "か\u3099", False),
        ("क", "का", False),
        ("👩", "👩\u200d🚒", False),
        ("👍", "👍🏽", False),
        ("👩", "👩👩", True),
        ("love", "❤\ufe0flove", True),
    ],
)
def test_a_phrase_is_held_as_whole_words(phrase: str, text: str, held: bool) -> None:
    assert Phrase(phrase).held(plain(text)) == held


@given(st.text("ab  _'1", min_size=1), st.text("ab  _'1"))
def test_phrases_are_found_as_a_regular_expression_finds_them(phrase: str, text: str) -> None:
    words = phrase.split()
    if words:
        spelt = r"\s+".join(map(re.escape, words))
        low, high = (r"(?<!\w)" if words[0][0] != "'" else ""), (r"(?!\w)" if words[-1][-1] != "'" else "")
        assert Phrase(phrase).held(text) == bool(re.search(f"{low}{spelt}{high}", text))
        split = text.split()
        windows = [split[place : place + len(words)] for place in range(len(split))]
        assert Phrase(phrase, symbols=True).held(text) == (words in windows)


def holds(text: str, phrase: str) -> bool:
    return bool(re.search(r"(?<!\w)" + r"\s+".join(phrase.split()) + r"(?!\w)", text))


phrases = st.lists(st.text("ab ", min_size=1, max_size=3).filter(str.strip), max_size=2)


@given(phrases, phrases, st.sampled_from(["", "", "a", "b a"]), st.sampled_from([0.0, 1.0]), st.booleans())
def test_a_wide_beam_finds_the_best_that_keeps_the_constraints(
    required: list[str], forbidden: list[str], prefix: str, penalty: float, attends: bool
) -> None:
    """Of all sequences of tokens, whatever tokens spell a text; where there is none, that is an error."""
    made, limit = network("vaswani2017" if attends else "gru"), 4
    everything = [
        Hypothesis(tuple(FIRST + i for i in ids), 0.0, 0.0, length < limit)
        for length in range(limit + 1)
        for ids in product(range(len(PIECES)), repeat=length)
    ]
    allowed = [
        one
        for one in everything
        if decode(one.tokens).startswith(prefix)
        and one.tokens[: len(encode(prefix))] == tuple(encode(prefix))
        and all(holds(decode(one.tokens), phrase) for phrase in required)
        and not any(holds(decode(one.tokens), phrase) for phrase in forbidden)
    ]
    settings = generate(
        beam=400, n_best=2, length_penalty=penalty, required=required, forbidden=forbidden, prefix=prefix
    )
    if not allowed:
        with pytest.raises(HeedfulError):
            answers(made, rules_of(settings, SPECIAL, encode, decode, FIRST + 4), settings, [limit])
        return
    (found,) = answers(made, rules_of(settings, SPECIAL, encode, decode, FIRST + 4), settings, [limit])
    ranked = sorted(
        (not one.complete, -gained / (len(one.tokens) + one.complete) ** penalty)
        for one, gained in zip(allowed, scores(made, 0, allowed), strict=True)
    )[:2]
    assert [not one.complete for one in found] == [cut for cut, _ in ranked]
    assert [-one.normalised for one in found] == pytest.approx([cost for _, cost in ranked], rel=1e-4, abs=1e-4)
    assert {one.tokens for one in found} <= {one.tokens for one in allowed}
    assert len({one.tokens for one in found}) == len(found)
    assert [one.score for one in found] == pytest.approx(scores(made, 0, found), rel=1e-4, abs=1e-4)


TEXTS = (
    "the new city of york is in new york state",
    "yorkshire caves and naive artists part",
    "a state of the art part in the city , this is a test .",
)
MODES = (
    {"beam": 1},
    {"beam": 2},
    {"beam": 5, "n_best": 5},
    {"sample": True, "n_best": 3},
    {"sample": True, "top_k": 2},
)


@cache
def tokenizer(kind: str) -> Tokenizer:
    return learn(kind, TEXTS, 330)


@given(
    st.sampled_from(["characters", "symbols", "bpe", "unigram"]),
    st.lists(st.sampled_from(["york", "new york", "the city", "a test .", "of the art"]), max_size=2, unique=True),
    st.lists(st.sampled_from(["city york", "the", "is", "yorkshire", "a", "new"]), max_size=3, unique=True),
    st.sampled_from(["", "new", "yorkshire"]),
    st.sampled_from([0, 6]),
    st.sampled_from(MODES),
)
def test_every_text_keeps_the_constraints(
    kind: str, required: list[str], forbidden: list[str], prefix: str, no_repeat: int, mode: dict[str, object]
) -> None:
    """With every tokenizer, in every mode, in any company; and a wish is refused only for a reason in its texts."""
    written, symbols = tokenizer(kind), kind == "symbols"
    made, limits = network(vocabulary=written.size), [32, 40, 36, 60]
    settings = generate(**mode, required=required, forbidden=forbidden, prefix=prefix, no_repeat_ngram=no_repeat)
    wishes = [Phrase(text, symbols) for text in required]
    bans = [Phrase(text, symbols) for text in forbidden]
    try:
        rules = rules_of(settings, TOKENIZED, written.encode, written.decode, written.size, symbols)
        found = answers(made, rules, settings, limits, TOKENIZED)
    except HeedfulError:
        assert any(ban.held(wish) for ban in bans for wish in (*required, prefix))
        return
    for number, some in enumerate(found):
        for one in some:
            text = written.decode(one.tokens)
            assert text.startswith(prefix)
            assert all(wish.held(plain(text)) for wish in wishes), text
            assert not any(ban.held(plain(text)) for ban in bans), text
            grams = [one.tokens[place : place + no_repeat] for place in range(len(one.tokens) - no_repeat + 1)]
            assert no_repeat == 0 or len(set(grams)) == len(grams)
            assert len(one.tokens) + one.complete <= limits[number]
        assert [one.score for one in some] == pytest.approx(scores(made, number, some, TOKENIZED), rel=1e-3, abs=1e-3)
    apart = replace(settings, batch_tokens=1)
    assert [[one.tokens for one in some] for some in answers(made, rules, apart, limits, TOKENIZED)] == [
        [one.tokens for one in some] for some in found
    ]


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_part_of_a_character_is_not_the_end_of_a_word(mode: dict[str, object]) -> None:
    """é is two bytes, and behind the first of them the text so far reads caf�."""
    written = tokenizer("bpe")
    assert len(written.encode("é")) == 2
    settings = generate(**mode, required=["café", "naïf"], forbidden=["caf", "na"], max_length=40)
    rules = rules_of(settings, TOKENIZED, written.encode, written.decode, written.size)
    for found in answers(network(vocabulary=written.size), rules, settings, [40] * 3, TOKENIZED):
        assert all("café" in written.decode(one.tokens) for one in found)


@pytest.mark.parametrize(
    ("settings", "longest", "named"),
    [
        ({"required": ["york", "city"]}, 1, 'holds "york", "city" takes 2 tokens, and it may have 1'),
        ({"required": ["new york"], "forbidden": ["york"]}, 9, '"new york" holds the forbidden phrase "york"'),
        ({"required": ["york"], "forbidden": [" "]}, 9, "forbidden phrase is empty"),
        ({"required": ["zürich"]}, 9, '"zürich" cannot be written with this model'),
        ({"prefix": "the zürich"}, 9, '"the zürich" cannot be written with this model'),
        ({"prefix": "the  city"}, 9, '"the  city" cannot be written with this model'),
        ({"prefix": "the city of", "forbidden": ["city"]}, 9, '"the city of" holds the forbidden phrase "city"'),
        ({"prefix": "the city", "forbidden": ["city"]}, 9, 'begins with "the city" and does not hold "city"'),
        ({"prefix": "the new city"}, 2, "prefix takes 3 tokens, and an answer may have 2"),
        ({"prefix": "the the", "no_repeat_ngram": 1}, 9, '"the the" says 1 tokens twice'),
        (
            {"required": ["the city of the"], "no_repeat_ngram": 1},
            9,
            'holds "the city of the" and never repeats 1 tokens',
        ),
    ],
)
def test_impossible_wishes_are_errors(settings: dict[str, object], longest: int, named: str) -> None:
    written = tokenizer("symbols")
    with pytest.raises(HeedfulError, match=re.escape(named)):
        asked = generate(**settings)
        rules = rules_of(asked, TOKENIZED, written.encode, written.decode, written.size, symbols=True)
        answers(network(vocabulary=written.size), rules, asked, [longest], TOKENIZED)


def test_samples_under_constraints_follow_what_is_left_of_the_distribution() -> None:
    """Of answers of one token, by Pearson's chi-square; what was forbidden was likely."""
    written, draws = tokenizer("symbols"), 3000
    made = network(vocabulary=written.size)
    with torch.inference_mode():
        outputs, _ = made.decoder(torch.tensor([[BOS]]), start(made, [0]))
        odds = made.decoder.logits(outputs[0, -1]).softmax(-1)
    likely = [i for i in odds.argsort(descending=True).tolist() if i > UNK][:3]
    settings = generate(sample=True, n_best=draws, forbidden=[written.decode([i]) for i in likely])
    rules = rules_of(settings, TOKENIZED, written.encode, written.decode, written.size, symbols=True)
    seen = Counter(one.tokens[0] if one.tokens else EOS for one in answers(made, rules, settings, [1], TOKENIZED)[0])
    left = [EOS, *(i for i in range(UNK + 1, written.size) if i not in likely)]
    expected = {i: draws * float(odds[i] / odds[left].sum()) for i in left}
    assert seen.keys() <= expected.keys()
    assert odds[likely].sum() > 0.2
    freedom = len(left) - 1  # the sum is about as large, give or take five times the root of its double
    assert sum((seen[i] - mean) ** 2 / mean for i, mean in expected.items()) < freedom + 5 * (2 * freedom) ** 0.5
