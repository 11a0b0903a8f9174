"""Rules of generation: constraints are kept in the text, penalties leave reported scores true, nothing runs over.

The laws of search without rules are in test_laws_of_search.py.

N sources   K beams   V vocabulary
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from heedful.blocks.state import State
from heedful.data.tokenizers import BOS, EOS, UNK, Tokenizer, learn
from heedful.errors import HeedfulError
from heedful.generation.choose import narrowed
from heedful.generation.phrases import Phrase, plain
from heedful.generation.rules import Rules, Special, rules_of
from heedful.generation.score import score
from heedful.generation.search import Hypothesis, Job, Search
from heedful.networks.joins import EncoderDecoder
from heedful.sections import Generate
from networks import BEGIN, END, FIRST, PAD, build, tiny

SPECIAL = Special(BEGIN, END, never=(PAD, BEGIN))
TOKENIZED = Special(BOS, EOS, never=(PAD, BOS, UNK))
PIECES = ("a", "b", " ", "ab")
"""A vocabulary in which a text can be spelt in several ways."""


def decode(ids: Sequence[int]) -> str:
    return "".join(PIECES[i - FIRST] for i in ids if i >= FIRST)


def encode(text: str) -> list[int]:
    return [FIRST + PIECES.index(piece) for piece in re.findall("ab|.", text)]


@cache
def network(name: str = "gru", vocabulary: int = FIRST + len(PIECES), **settings: object) -> EncoderDecoder:
    return build(tiny(name, **settings), vocabulary).double()  # so that no rounding decides between two answers


def start(made: EncoderDecoder, numbers: Sequence[int], beams: int = 1, room: int = 0) -> State:
    """Source n is a text of n % 5 + 1 tokens."""
    chosen = [torch.arange(number % 5 + 1) + FIRST + number % 3 for number in numbers]
    source = torch.nn.utils.rnn.pad_sequence(chosen, batch_first=True)
    memory = made.read(source, torch.tensor([len(one) for one in chosen]))
    return made.decoder.start(memory, rows=len(numbers) * beams, room=room)


def answers(
    made: EncoderDecoder, rules: Rules, settings: Generate, limits: Sequence[int], special: Special = SPECIAL
) -> list[list[Hypothesis]]:
    """What the search finds for sources 0, 1, …, each with its longest answer; `batch_tokens` counts sources here."""
    jobs = [Job(1, limit, seed=number) for number, limit in enumerate(limits)]
    search = Search([made.decoder], lambda *given: (start(made, *given),), special, settings, rules)
    return search.run(jobs)


def scores(made: EncoderDecoder, number: int, found: Sequence[Hypothesis], special: Special = SPECIAL) -> list[float]:
    """The teacher-forced log probabilities of answers to source `number`."""
    with torch.inference_mode():
        state = start(made, [number], len(found))
    return score([made.decoder], [state], [h.tokens for h in found], special, [h.complete for h in found])


def generate(**settings: object) -> Generate:
    return Generate.model_validate(settings)


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
    apart = settings.model_copy(update={"batch_tokens": 1})
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


@pytest.mark.parametrize("name", ["gru", "vaswani2017"])
@pytest.mark.parametrize("size", [0, 1, 2, 3])
@pytest.mark.parametrize("penalty", [1.0, 3.0])
def test_penalties_choose_and_scores_stay_true(name: str, size: int, penalty: float) -> None:
    """Against all answers, penalised from the definition: no n-gram twice, tokens said before at lower odds."""
    made, limit = network(name), 5
    settings = generate(beam=700, n_best=3, length_penalty=0.6)
    everything = [
        Hypothesis(tuple(FIRST + i for i in ids), 0.0, 0.0)
        for length in range(limit)
        for ids in product(range(len(PIECES)), repeat=length)
        if not size or len(set(grams := [ids[at : at + size] for at in range(length - size + 1)])) == len(grams)
    ]
    repeated = [sum(t in one.tokens[:at] for at, t in enumerate(one.tokens)) for one in everything]
    for number, found in enumerate(answers(made, Rules(penalty, size), settings, [limit] * 3)):
        order = {
            one.tokens: (gained - said * math.log(penalty)) / (len(one.tokens) + 1) ** 0.6
            for one, said, gained in zip(everything, repeated, scores(made, number, everything), strict=True)
        }
        right = sorted(order, key=lambda tokens: -order[tokens])[:3]
        assert [one.tokens for one in found] == right
        assert [one.normalised for one in found] == pytest.approx([order[tokens] for tokens in right], rel=1e-4)
        assert [one.score for one in found] == pytest.approx(scores(made, number, found), rel=1e-4)


@given(
    st.lists(st.integers(-80, 80).map(lambda tenths: tenths / 10), min_size=2, max_size=12, unique=True),
    st.integers(0, 13),
    st.floats(0.05, 1),
    st.floats(0, 0.9),
)
def test_narrowing_keeps_what_its_definitions_say(logits: list[float], top_k: int, top_p: float, min_p: float) -> None:
    """Top-k, then the fewest that hold top-p of what is left, then what has min-p of the likeliest one's share."""
    shares = torch.tensor(logits, dtype=torch.double).softmax(-1).tolist()
    kept = sorted(range(len(shares)), key=lambda i: -shares[i])[: top_k or None]
    total = sum(shares[i] for i in kept)
    if top_p < 1:
        fewest = next(n for n in range(1, len(kept) + 1) if sum(shares[i] for i in kept[:n]) >= top_p * total - 1e-9)
        kept = kept[:fewest]
    kept = [i for i in kept if shares[i] >= min_p * shares[kept[0]]]
    settings = generate(sample=True, top_k=top_k, top_p=top_p, min_p=min_p)
    left = narrowed(torch.tensor(logits, dtype=torch.double).log_softmax(-1), settings)
    assert {i for i, one in enumerate(left.tolist()) if one > -math.inf} == set(kept)


@pytest.mark.parametrize("mode", [{"beam": 1}, {"beam": 3, "n_best": 3}, {"sample": True, "n_best": 2}], ids=str)
@pytest.mark.parametrize("name", ["gru", "vaswani2017"])
def test_a_source_that_is_through_goes_no_further(mode: dict[str, int], name: str) -> None:
    """One that reaches its longest answer beside others that joined late, whose answers are no longer than its own."""
    made = build(tiny(name))
    with torch.no_grad():
        made.decoder.output.linear.bias[END] = -50.0  # so that answers end only where they must
    # eight at once: seven leave early, seven others join, and then the one that was there before them is through
    limits = [40] * 8 + [3] * 7 + [40]
    found = answers(made, Rules(), generate(**mode, batch_tokens=8 * max(mode.values())), limits)
    for number, (some, limit) in enumerate(zip(found, limits, strict=True)):
        assert all(len(one.tokens) == limit and not one.complete for one in some)
        assert [one.score for one in some] == pytest.approx(scores(made, number, some), rel=1e-4)


def test_no_jobs_one_job_and_answers_of_one_token() -> None:
    assert answers(network(), Rules(), generate(), []) == []
    assert len(answers(network(), Rules(), generate(), [5])) == 1
    both = answers(network(), Rules(), generate(), [1, 1])
    assert [len(some[0].tokens) + some[0].complete for some in both] == [1, 1]
    assert score([network().decoder], [start(network(), [0])], [()], SPECIAL, [False]) == [0.0]


def test_an_ensemble_scores_by_the_mean_of_probabilities(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several networks, one of them twice; answers beside longer ones; logits made a few at a time."""
    monkeypatch.setattr("heedful.generation.score.LOGITS_AT_ONCE", 3 * (FIRST + len(PIECES)))
    gru, other = network(), network("vaswani2017")
    found = [(3, 4), (6,), (), (5, 5, 4, 3)]
    with torch.inference_mode():
        states = [start(made, [2], len(found)) for made in (gru, other, gru)]
        whole = score([gru.decoder, other.decoder, gru.decoder], states, found, SPECIAL)
        for tokens, value in zip(found, whole, strict=True):
            written, shares = torch.tensor([[BEGIN, *tokens]]), torch.tensor([*tokens, END]).unsqueeze(1)
            one, two = (
                made.decoder.logits(made.decoder(written, start(made, [2]))[0][0]).softmax(-1).gather(1, shares)
                for made in (gru, other)
            )
            assert value == pytest.approx(((2 * one + two) / 3).log().sum().item(), rel=1e-4)
