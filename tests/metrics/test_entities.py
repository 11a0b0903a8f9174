"""Entities counted as published scripts count them: conlleval's rules written down again, seqeval itself and its own
example; and one rule that reads every scheme alike.
"""

import itertools
import warnings
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import f1_score, precision_score, recall_score
from seqeval.metrics.sequence_labeling import get_entities
from sklearn.metrics import f1_score as macro_f1_score

from heedful.errors import HeedfulError
from heedful.metrics.entities import are_entity_tags, entities_of, entity_counts, scheme_of, score_types
from heedful.metrics.kinds import count
from heedful.metrics.scores import evaluate
from heedful.metrics.tags import tag_counts
from heedful.results import ClassScore

Pair = tuple[list[str], list[str]]
Boundary = Callable[[str, str, str, str], bool]


def tags(letters: str) -> st.SearchStrategy[list[Pair]]:
    """Answers and truths of some sentences: any tags in any order, most of them out of order."""
    tag = st.sampled_from(["O", *(f"{letter}-{kind}" for letter in letters for kind in ("PER", "LOC"))])
    words = st.lists(st.tuples(tag, tag), min_size=1, max_size=9)
    return st.lists(words.map(lambda pairs: ([a for a, _ in pairs], [b for _, b in pairs])), min_size=1, max_size=5)


def split_tag(tag: str) -> tuple[str, str]:
    return (tag[0], tag[2:]) if tag != "O" else ("O", "")


def conlleval_end(before: str, tag: str, type_before: str, kind: str) -> bool:
    """`endOfChunk` of conlleval.pl, for the tags of CoNLL."""
    if (before, tag) in {("B", "B"), ("B", "O"), ("I", "B"), ("I", "O")}:
        return True
    return before != "O" and type_before != kind


def conlleval_start(before: str, tag: str, type_before: str, kind: str) -> bool:
    """`startOfChunk` of conlleval.pl, for the tags of CoNLL."""
    if (before, tag) in {("B", "B"), ("I", "B"), ("O", "B"), ("O", "I")}:
        return True
    return tag != "O" and type_before != kind


def conlleval(pairs: list[Pair]) -> tuple[int, int, int]:
    """Chunks found right, answered and true, counted word by word as conlleval.pl does."""
    right = answered = true = 0
    for guesses, truths in pairs:
        inside, last = False, ("O", "", "O", "")
        for guess, truth in [*zip(guesses, truths, strict=True), ("O", "O")]:
            (g, g_type), (t, t_type) = split_tag(guess), split_tag(truth)
            last_t, last_t_type, last_g, last_g_type = last
            ends = conlleval_end(last_t, t, last_t_type, t_type), conlleval_end(last_g, g, last_g_type, g_type)
            if inside:
                if all(ends) and last_g_type == last_t_type:
                    inside, right = False, right + 1
                elif ends[0] != ends[1] or g_type != t_type:
                    inside = False
            starts = conlleval_start(last_t, t, last_t_type, t_type), conlleval_start(last_g, g, last_g_type, g_type)
            inside = inside or (all(starts) and g_type == t_type)
            true, answered, last = true + starts[0], answered + starts[1], (t, t_type, g, g_type)
    return right, answered, true


def values(outputs: list[str], references: list[str]) -> dict[str, float]:
    return {counts.name: counts.value() for counts in entity_counts(outputs, [(text,) for text in references])}


def joined(pairs: list[Pair]) -> tuple[list[str], list[str]]:
    return ["\t".join(answer) for answer, _ in pairs], ["\t".join(truth) for _, truth in pairs]


@given(tags("BI"))
def test_counts_are_those_of_conlleval(pairs: list[Pair]) -> None:
    right, answered, true = conlleval(pairs)
    scores = values(*joined(pairs))
    precision, recall = 100 * right / max(1, answered), 100 * right / max(1, true)
    assert scores["entity_precision"] == pytest.approx(precision)
    assert scores["entity_recall"] == pytest.approx(recall)
    assert scores["entity_f1"] == pytest.approx(2 * precision * recall / (precision + recall or 1))


@given(tags("BIES"))
def test_entities_and_scores_are_those_of_seqeval(pairs: list[Pair]) -> None:
    for labels in itertools.chain.from_iterable(pairs):
        assert entities_of(labels) == [(kind, begin, last + 1) for kind, begin, last in get_entities(labels)]
    answers, truths = map(list, zip(*pairs, strict=True))
    scores = values(*joined(pairs))
    for name, score in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a share of no entities, which is 0 here and there
            assert scores[f"entity_{name}"] == pytest.approx(100 * np.mean(score(truths, answers)))


def test_the_example_that_seqeval_documents() -> None:
    """F1 0.50, accuracy 0.80; MISC 0 of 1, PER 1 of 1."""
    truth = ["O\tO\tO\tB-MISC\tI-MISC\tI-MISC\tO", "B-PER\tI-PER\tO"]
    answer = ["O\tO\tB-MISC\tI-MISC\tI-MISC\tI-MISC\tO", "B-PER\tI-PER\tO"]
    scores = evaluate("entities", ["a", "b"], answer, [(text,) for text in truth], samples=50)
    found = {name: measure.value for name, measure in scores.measures.items()}
    assert found == {"entity_f1": 50, "entity_precision": 50, "entity_recall": 50, "accuracy": 80}
    assert scores.primary == "entity_f1" and [case.error for case in scores.cases] == [100, 0]
    assert scores.measures["entity_f1"].low == 0 and scores.measures["entity_f1"].high == 100
    types = score_types(answer, [(text,) for text in truth])
    assert types == (ClassScore("MISC", 1, 0, 0, 0), ClassScore("PER", 1, 100, 100, 100))


@given(st.lists(st.tuples(st.sampled_from(["PER", "LOC", "", "ORG"]), st.integers(1, 4)), min_size=1, max_size=8))
def test_every_scheme_tells_the_same_entities(runs: list[tuple[str, int]]) -> None:
    entities, labels, step = [], {name: list[str]() for name in ("BIO", "IOB1", "BIOES", "BILOU", "BMES")}, 0
    for kind, size in runs:
        entities += [(kind, step, step + size)] if kind else []
        for name, tagged in labels.items():
            b, i, e, s = {"BIOES": "BIES", "BILOU": "BILU", "BMES": "BMES"}.get(name, "BIIB")
            if name == "IOB1" and kind and not (tagged and tagged[-1].endswith(kind)):
                b = s = "I"
            places = s if size == 1 else b + i * (size - 2) + e
            tagged += [f"{place}-{kind}" if kind else "O" for place in places]
        step += size
    for tagged in labels.values():
        assert entities_of(tagged) == entities
        assert not entities or are_entity_tags(tuple(sorted({*tagged, "O"})))


def test_which_labels_mark_entities_and_what_their_scheme_is_called() -> None:
    upos = ("ADJ", "ADP", "DET", "INTJ", "NOUN", "PUNCT", "SCONJ", "SYM", "X")
    for names in (upos, ("S", "O", "V"), ("I", "O"), ("walk", "O"), ("O",), (), ("B-PER", "NOUN", "O"), ("S-NOM", "N")):
        assert not are_entity_tags(names), names
    for names in (("B-PER", "I-PER"), ("I-ORG", "O"), ("B", "I", "O"), ("B", "E", "M", "S"), ("B_first name", "O")):
        assert are_entity_tags(names), names
    assert are_entity_tags(("B-PER", "I-PER", "BPER", "O", "B-LOC")) and entities_of(["BPER", "I-PER"]) == [
        ("PER", 1, 2)
    ]
    schemes = {
        "BIO": "B-A I-A O B-B", "IOB1": "I-A B-A O I-B I-A", "IO": "I-A O", "BIOES": "B-A E-A S-B",
        "BILOU": "U-A B-A L-A", "BMES": "B M E S",
    }  # fmt: skip
    assert {scheme_of([text.split()]) for text in schemes.values()} == schemes.keys()
    assert all(scheme_of([text.split()]) == name for name, text in schemes.items())


def test_masked_words_count_nowhere_and_lengths_must_fit() -> None:
    assert values(["B-A\tO\tB-A"], ["B-A\t\t_"])["entity_f1"] == 100
    assert values(["O", "O"], ["O", "O"])["entity_f1"] == 0  # as conlleval and seqeval have it
    assert not evaluate("entities", ["a"], ["B-A\tO"], [("B-A\t",)], samples=0).cases[0].error
    for kind in ("entities", "tags"):
        with pytest.raises(HeedfulError, match="Answer 2 has 1 label, and its reference has 2"):
            count(kind, ["O", "O"], [("O",), ("O\tO",)])
        assert all(np.isfinite(counts.value()) for counts in count(kind, ["O"], [("",)]).values())


@given(tags("BI"), st.randoms())
def test_rows_are_sums(pairs: list[Pair], draw) -> None:
    """What some examples score is what they score alone, for words too, of which each example has others."""
    outputs, references = joined(pairs)
    chosen = [draw.randrange(len(pairs)) for _ in range(3)]
    for counts_of in (entity_counts, tag_counts):
        counts = counts_of(outputs, [(text,) for text in references])
        alone = counts_of([outputs[i] for i in chosen], [(references[i],) for i in chosen])
        for together, single in zip(counts, alone, strict=True):
            times = np.bincount(chosen, minlength=len(pairs))[None].astype(float)
            assert together.score(together.sums(times)[0]) == pytest.approx(single.value())


@given(tags("BI"))
def test_macro_f1_of_words_is_that_of_scikit_learn(pairs: list[Pair]) -> None:
    answers, truths = [tag for answer, _ in pairs for tag in answer], [tag for _, truth in pairs for tag in truth]
    accuracy, macro = tag_counts(*[joined(pairs)[0], [(text,) for text in joined(pairs)[1]]])
    expected = macro_f1_score(truths, answers, labels=sorted({*truths}), average="macro", zero_division=0)  # type: ignore
    assert macro.value() == pytest.approx(100 * float(expected))
    assert accuracy.value() == pytest.approx(100 * np.mean(np.array(answers) == np.array(truths)))
