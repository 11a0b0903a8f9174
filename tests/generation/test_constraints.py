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
    ("phrase", "text", "occurs"),
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
def test_a_phrase_is_held_as_whole_words(phrase: str, text: str, occurs: bool) -> None:
    assert Phrase(phrase).occurs_in(plain(text)) == occurs


@given(st.text("ab  _'1", min_size=1), st.text("ab  _'1"))
def test_phrases_are_found_as_a_regular_expression_finds_them(phrase: str, text: str) -> None:
    words = phrase.split()
    if words:
        pattern = r"\s+".join(map(re.escape, words))
        low, high = (r"(?<!\w)" if words[0][0] != "'" else ""), (r"(?!\w)" if words[-1][-1] != "'" else "")
        assert Phrase(phrase).occurs_in(text) == bool(re.search(f"{low}{pattern}{high}", text))
        split = text.split()
        windows = [split[start : start + len(words)] for start in range(len(split))]
        assert Phrase(phrase, symbols=True).occurs_in(text) == (words in windows)


def holds(text: str, phrase: str) -> bool:
    return bool(re.search(r"(?<!\w)" + r"\s+".join(phrase.split()) + r"(?!\w)", text))


phrases = st.lists(st.text("ab ", min_size=1, max_size=3).filter(str.strip), max_size=2)


@given(phrases, phrases, st.sampled_from(["", "", "a", "b a"]), st.sampled_from([0.0, 1.0]), st.booleans())
def test_a_wide_beam_finds_the_best_that_keeps_the_constraints(
    required: list[str], forbidden: list[str], prefix: str, penalty: float, attends: bool
) -> None:
    """Of all sequences of tokens, whatever tokens spell a text; where there is none, that is an error."""
    model, limit = network("vaswani2017" if attends else "gru"), 4
    everything = [
        Hypothesis(tuple(FIRST + i for i in ids), 0.0, 0.0, length < limit)
        for length in range(limit + 1)
        for ids in product(range(len(PIECES)), repeat=length)
    ]
    allowed = [
        hypothesis
        for hypothesis in everything
        if decode(hypothesis.tokens).startswith(prefix)
        and hypothesis.tokens[: len(encode(prefix))] == tuple(encode(prefix))
        and all(holds(decode(hypothesis.tokens), phrase) for phrase in required)
        and not any(holds(decode(hypothesis.tokens), phrase) for phrase in forbidden)
    ]
    settings = generate(
        beam=400, n_best=2, length_penalty=penalty, required=required, forbidden=forbidden, prefix=prefix
    )
    if not allowed:
        with pytest.raises(HeedfulError):
            answers(model, rules_of(settings, SPECIAL, encode, decode, FIRST + 4), settings, [limit])
        return
    (hypotheses,) = answers(model, rules_of(settings, SPECIAL, encode, decode, FIRST + 4), settings, [limit])
    ranked = sorted(
        (not hypothesis.complete, -score / (len(hypothesis.tokens) + hypothesis.complete) ** penalty)
        for hypothesis, score in zip(allowed, scores(model, 0, allowed), strict=True)
    )[:2]
    assert [not hypothesis.complete for hypothesis in hypotheses] == [truncated for truncated, _ in ranked]
    assert [-hypothesis.normalised for hypothesis in hypotheses] == pytest.approx(
        [cost for _, cost in ranked], rel=1e-4, abs=1e-4
    )
    assert {hypothesis.tokens for hypothesis in hypotheses} <= {hypothesis.tokens for hypothesis in allowed}
    assert len({hypothesis.tokens for hypothesis in hypotheses}) == len(hypotheses)
    assert [hypothesis.score for hypothesis in hypotheses] == pytest.approx(
        scores(model, 0, hypotheses), rel=1e-4, abs=1e-4
    )


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
def learn_tokenizer(kind: str) -> Tokenizer:
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
    tokenizer, symbols = learn_tokenizer(kind), kind == "symbols"
    model, limits = network(vocabulary=tokenizer.size), [32, 36, 34, 44]
    settings = generate(**mode, required=required, forbidden=forbidden, prefix=prefix, no_repeat_ngram=no_repeat)
    wishes = [Phrase(text, symbols) for text in required]
    bans = [Phrase(text, symbols) for text in forbidden]
    try:
        rules = rules_of(settings, TOKENIZED, tokenizer.encode, tokenizer.decode, tokenizer.size, symbols)
        outputs = answers(model, rules, settings, limits, TOKENIZED)
    except HeedfulError:
        assert any(ban.occurs_in(wish) for ban in bans for wish in (*required, prefix))
        return
    for number, hypotheses in enumerate(outputs):
        for hypothesis in hypotheses:
            text = tokenizer.decode(hypothesis.tokens)
            assert text.startswith(prefix)
            assert all(wish.occurs_in(plain(text)) for wish in wishes), text
            assert not any(ban.occurs_in(plain(text)) for ban in bans), text
            grams = [
                hypothesis.tokens[first : first + no_repeat] for first in range(len(hypothesis.tokens) - no_repeat + 1)
            ]
            assert no_repeat == 0 or len(set(grams)) == len(grams)
            assert len(hypothesis.tokens) + hypothesis.complete <= limits[number]
        assert [hypothesis.score for hypothesis in hypotheses] == pytest.approx(
            scores(model, number, hypotheses, TOKENIZED), rel=1e-3, abs=1e-3
        )
    apart = replace(settings, batch_tokens=1)
    assert [
        [hypothesis.tokens for hypothesis in hypotheses]
        for hypotheses in answers(model, rules, apart, limits, TOKENIZED)
    ] == [[hypothesis.tokens for hypothesis in hypotheses] for hypotheses in outputs]


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_part_of_a_character_is_not_the_end_of_a_word(mode: dict[str, object]) -> None:
    """é is two bytes, and behind the first of them the text so far reads caf�."""
    tokenizer = learn_tokenizer("bpe")
    assert len(tokenizer.encode("é")) == 2
    settings = generate(**mode, required=["café", "naïf"], forbidden=["caf", "na"], max_length=40)
    rules = rules_of(settings, TOKENIZED, tokenizer.encode, tokenizer.decode, tokenizer.size)
    for hypotheses in answers(network(vocabulary=tokenizer.size), rules, settings, [40] * 3, TOKENIZED):
        assert all("café" in tokenizer.decode(hypothesis.tokens) for hypothesis in hypotheses)


@pytest.mark.parametrize(
    ("changes", "longest", "message"),
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
        ({"prefix": "the the", "no_repeat_ngram": 1}, 9, '"the the" says 1 token twice'),
        (
            {"required": ["the city of the"], "no_repeat_ngram": 1},
            9,
            'holds "the city of the" and never repeats 1 token',
        ),
    ],
)
def test_impossible_wishes_are_errors(changes: dict[str, object], longest: int, message: str) -> None:
    tokenizer = learn_tokenizer("symbols")
    with pytest.raises(HeedfulError, match=re.escape(message)):
        settings = generate(**changes)
        rules = rules_of(settings, TOKENIZED, tokenizer.encode, tokenizer.decode, tokenizer.size, symbols=True)
        answers(network(vocabulary=tokenizer.size), rules, settings, [longest], TOKENIZED)


def test_samples_under_constraints_follow_what_is_left_of_the_distribution() -> None:
    """Of answers of one token, by Pearson's chi-square; what was forbidden was likely."""
    tokenizer, draws = learn_tokenizer("symbols"), 3000
    model = network(vocabulary=tokenizer.size)
    with torch.inference_mode():
        outputs, _ = model.decoder(torch.tensor([[BOS]]), start(model, [0]))
        odds = model.decoder.logits(outputs[0, -1]).softmax(-1)
    likely = [i for i in odds.argsort(descending=True).tolist() if i > UNK][:3]
    settings = generate(sample=True, n_best=draws, forbidden=[tokenizer.decode([i]) for i in likely])
    rules = rules_of(settings, TOKENIZED, tokenizer.encode, tokenizer.decode, tokenizer.size, symbols=True)
    counts = Counter(
        hypothesis.tokens[0] if hypothesis.tokens else EOS
        for hypothesis in answers(model, rules, settings, [1], TOKENIZED)[0]
    )
    allowed = [EOS, *(i for i in range(UNK + 1, tokenizer.size) if i not in likely)]
    expected = {i: draws * float(odds[i] / odds[allowed].sum()) for i in allowed}
    assert counts.keys() <= expected.keys()
    assert odds[likely].sum() > 0.2
    freedom = len(allowed) - 1  # the sum is about as large, give or take five times the root of its double
    assert sum((counts[i] - mean) ** 2 / mean for i, mean in expected.items()) < freedom + 5 * (2 * freedom) ** 0.5
