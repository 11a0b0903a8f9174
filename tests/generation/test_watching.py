"""A watched search finds what it finds unwatched, and its tree says what became of every hypothesis."""

import math
from collections.abc import Sequence

import pytest
import torch

from heedful.beam_tree import BeamTree
from heedful.generation.batch import Hypothesis
from heedful.generation.rules import Rules, rules_of
from heedful.generation.search import Search
from heedful.generation.stepper import Request
from heedful.generation.watching import watch
from heedful.schema import GenerateSettings, parse_settings
from support import tiny_search
from support.tiny_networks import BEGIN, END, FIRST
from support.tiny_search import PIECES, SPECIAL, decode, encode, network

LIMIT = 6
SETTINGS: tuple[dict[str, object], ...] = (
    {"beam": 1},
    {"beam": 3, "n_best": 3},
    {"beam": 4, "n_best": 2, "length_penalty": 0},
    {"beam": 3, "n_best": 2, "repetition_penalty": 1.5},
    {"beam": 3, "n_best": 2, "no_repeat_ngram": 1},
    {"beam": 3, "n_best": 2, "finish": "sure"},
    {"beam": 3, "n_best": 2, "finish": "likely", "close": True},
    {"beam": 3, "n_best": 2, "required": ["b a"]},
    {"beam": 3, "n_best": 3, "forbidden": ["a"], "prefix": "b"},
    {"beam": 2, "n_best": 2, "stop": ["ab"]},
    {"sample": True, "n_best": 3},
)


def names(ids: Sequence[int]) -> list[str]:
    return ["</s>" if number == END else PIECES[number - FIRST] for number in ids]


def watched(source: int, changes: dict[str, object]) -> tuple[BeamTree, list[Hypothesis], Rules]:
    """The tree of one search and what it answered, which has to be what it answers unwatched."""
    settings = parse_settings(GenerateSettings, changes)
    rules = rules_of(settings, SPECIAL, encode, decode, FIRST + len(PIECES))
    requests = [Request(source, 1, LIMIT, seed=source)]
    with watch() as watching:
        [answers] = Search(tiny_search.stepper(network("gru")), settings, rules).run(requests)
    assert Search(tiny_search.stepper(network("gru")), settings, rules).run(requests) == [answers]
    return watching.tree("translate", "", [decode(answer.tokens) for answer in answers], names, END), answers, rules


@pytest.mark.parametrize("changes", SETTINGS, ids=str)
@torch.inference_mode()
def test_what_ended_is_what_was_answered(changes: dict[str, object]) -> None:
    """The best of what ended are the n best with their scores; every score is the network's own; all lived in a row."""
    for source in range(5):
        tree, answers, _ = watched(source, changes)
        ended = {node.place: number for number, node in enumerate(tree.nodes) if node.place}
        for place, answer in enumerate(answers, 1):
            path = tree.path(ended[place])
            tokens = [node.token for node in path if node.token != "</s>"]
            assert tokens == names(answer.tokens)
            assert path[-1].score == pytest.approx(answer.score) and path[-1].normalised == answer.normalised
            assert path[-1].fate == ("finished" if answer.complete else "cut")
            assert {node.fate for node in path[:-1]} <= {"lived"}
        for number, node in enumerate(tree.nodes):
            assert node.parent < number
            assert (number in tree.children) == (node.fate == "lived")
            before = tree.nodes[node.parent].score if node.parent >= 0 else 0.0
            ids = [END if each.token == "</s>" else FIRST + PIECES.index(each.token) for each in tree.path(number)]
            gained = 0.0 if node.fate == "cut" and ids[-1] == END else log_probability(source, ids)  # generate.close
            assert node.step == len(ids) and node.score - before == pytest.approx(gained, abs=1e-6)
        alive = [[node.fate for node in tree.nodes if node.step == step].count("lived") for step in range(LIMIT)]
        assert max(alive) <= tree.beam


def log_probability(source: int, ids: Sequence[int]) -> float:
    """Of the last of these tokens behind the others, by one call of the network."""
    model = network("gru")
    outputs, _ = model.decoder(torch.tensor([[BEGIN, *ids[:-1]]]), tiny_search.start(model, [source]))
    log_probs = model.decoder.logits(outputs[0, -1]).log_softmax(-1)
    return float(log_probs[ids[-1]])


def test_greedy_search_has_one_path() -> None:
    for source in range(5):
        tree, [answer], _ = watched(source, {"beam": 1})
        assert [node.parent for node in tree.nodes] == list(range(-1, len(tree.nodes) - 1))
        assert [node.fate for node in tree.nodes[:-1]] == ["lived"] * (len(tree.nodes) - 1)
        assert tree.nodes[-1].fate == ("finished" if answer.complete else "cut")


def test_what_a_rule_kills_says_which_rule_it_was() -> None:
    """And is what the rule forbids, by looking at the text."""
    seen = set[str]()
    for source in range(5):
        for changes in SETTINGS:
            tree, _, _ = watched(source, changes)
            for number, node in enumerate(tree.nodes):
                assert bool(node.why) == (node.fate == "forbidden")
                text = "".join(each.token for each in tree.path(number)).replace("</s>", "")
                tokens = [each.token for each in tree.path(number)]
                if "generate.required" in node.why:
                    assert "b a" not in text or len(text) < LIMIT
                elif "generate.forbidden" in node.why:
                    assert "a" in text.split(" ")
                elif "generate.prefix" in node.why:
                    assert not text.startswith("b")
                elif "no_repeat_ngram" in node.why:
                    assert len(set(tokens)) < len(tokens)
                seen |= {node.why.rpartition("generate.")[2]} if node.why else set()
    assert {"required", "forbidden", "prefix", "no_repeat_ngram"} <= seen


def test_nobody_watches_a_search_that_is_not_asked_for() -> None:
    """The first search of a block is watched, and none after it."""
    settings = parse_settings(GenerateSettings, {"beam": 2})
    with watch() as watching:
        first, second = (Search(tiny_search.stepper(network("gru")), settings, Rules()) for _ in range(2))
    assert first.watcher is watching and second.watcher is None
    assert Search(tiny_search.stepper(network("gru")), settings, Rules()).watcher is None
    assert math.isfinite(first.run([Request(0, 1, LIMIT)])[0][0].score)
