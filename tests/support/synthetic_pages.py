"""One page of each kind, from results that are made up: none of them says anything about a network."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from heedful.beam_tree import BeamNode, BeamTree
from heedful.explanations import Explanation, Map, Units
from heedful.networks.settings import describe
from heedful.report import pages, slides
from heedful.report.altered_page import Altered, altered_page
from heedful.report.computed_page import computation_page
from heedful.report.curves import Chart, Curve, Point
from heedful.report.explained_page import explanation_page
from heedful.report.studied import StudyResult, Verdict, study_page
from heedful.report.tree_page import DEAD, tree_page
from heedful.results import (
    Answer,
    Bin,
    Case,
    Comparison,
    Confusion,
    Exhibits,
    Finding,
    Findings,
    NetworkFacts,
    Paired,
    Scores,
    Series,
    Track,
    View,
)
from support.synthetic_computations import every_step, two_keys
from support.synthetic_results import (
    ARABIC,
    ATTRIBUTION,
    BREAKING,
    HOSTILE,
    LABELS,
    LONG,
    class_scores,
    comparison,
    curve,
    history,
    hostile_alignment,
    hostile_comparison,
    hostile_explanation,
    labelled_comparison,
    make_scores,
    png,
    scores,
    shifted_map,
    step_cases,
    step_entry,
)


def write_pages(folder: Path) -> list[Path]:
    """Writes all of them."""
    written = pages_of_texts() | pages_of_shapes() | pages_of_methods()
    paths = [folder / f"{name}.html" for name in written]
    for path, html in zip(paths, written.values(), strict=True):
        path.write_text(html, encoding="utf-8")
    facts = NetworkFacts("gru", BREAKING, ARABIC, LONG, "a --> b", (BREAKING,), (("tensor",), (LONG,)), BREAKING)
    slides.write_network(facts, folder / "network.html")
    slides.write_lineage(describe(), folder / "lineage.html")
    return [*paths, folder / "network.html", folder / "lineage.html"]


def pages_of_texts() -> dict[str, str]:
    two_networks = comparison()
    findings = Findings(
        BREAKING,
        ARABIC,
        (Finding("x", BREAKING, 1, (BREAKING,)), Finding("!", LONG, 9, tuple("abcde")), Finding("i", "fine", 1)),
        {"source words": (Bin(1, 3, 10, 0), Bin(4, 9, 2, 0))},
    )
    facts = {"data": "pairs.tsv", BREAKING: BREAKING}
    return {
        "run": pages.run_page(
            title="A run",
            facts=facts,
            curve=curve(3, 2),
            scores=scores(5, (BREAKING, ARABIC, LONG)),
            exhibits=Exhibits(alignments=[hostile_alignment()]),
            commands=[f'heedful translate runs/x "{BREAKING}"'],
            history=history(),
        ),
        "bare": pages.run_page(title="Nothing measured yet", facts={}),
        "compare": pages.compare_page(
            two_networks, [{"name": "new", "paper": "A paper", "added": "It looks back.", "lacked": "Speed."}]
        ),
        "hostile": pages.compare_page(
            hostile_comparison(), [{"name": BREAKING, "paper": LONG, "added": ARABIC, "lacked": BREAKING}]
        ),
        "explanation": explanation_page(hostile_explanation(), BREAKING, LONG),
        "check": pages.check_page(findings),
    }


def pages_of_shapes() -> dict[str, str]:
    pictures = {f"{HOSTILE}#{i}": png((20 * i, 90, 90)) for i in range(10)}
    refs = list(pictures)
    many_classes = Confusion(
        tuple(f"c{i}" for i in range(40)),
        tuple(tuple(9 * (i == j) + (j == i + 1) for j in range(40)) for i in range(40)),
    )
    captions = [
        Case(ref, "a red cat", ("a red dog", "red dogs") if i else ("a red cat",), 40.0 * i)
        for i, ref in enumerate(refs)
    ]
    drawings = [Answer(HOSTILE, "", 0, 0, picture=png((i, 0, 0))) for i in (1, 2)]
    returned = {refs[0]: png((0, 0, 90))}
    judged_cases = [Case(HOSTILE, "3", (refs[0],), 66.7, said=refs[1])]
    matches = [
        Case(ref, "1" if i else "4", ("dog", "hound"), 0.0 if i else 75.0, said=LONG) for i, ref in enumerate(refs)
    ]
    tracks = {f"{HOSTILE}8.mp4": Track(LABELS, ("walk",) * 6, (), (0, 1, 2, 4, 8, 9.0), ((0, 4), (2, 6)), 12.5)}

    def report_page(view: View, scores: Scores, **exhibit_fields: Any) -> str:
        exhibits = Exhibits(view, pictures, **exhibit_fields)
        return pages.run_page("x", {}, scores=scores, exhibits=exhibits, attribution=[ATTRIBUTION])

    crowded = replace(class_scores(), confusion=many_classes, cases=())
    no_pictures = Exhibits("classes")
    samples = [Answer(refs[0], "a cat", 0, 0)]
    comparison = Comparison(
        "draw",
        "d",
        "1 minute",
        (
            step_entry("a", make_scores("exact", captions), samples),
            step_entry("b", make_scores("exact", captions), drawings),
        ),
    )
    return {
        "classify": pages.run_page(
            HOSTILE, {}, scores=class_scores(), exhibits=Exhibits("classes", pictures), attribution=[ATTRIBUTION]
        ),
        "crowd": pages.run_page("x", {}, scores=crowded, exhibits=no_pictures),
        "texts": pages.run_page("x", {}, scores=class_scores(pictures=False), exhibits=no_pictures),
        "caption": report_page("captions", make_scores("exact", captions)),
        "draw": report_page("drawings", make_scores("recall_at_1", judged_cases), answers=drawings, returned=returned),
        "match": report_page("matches", make_scores("recall_at_1", matches)),
        "label": pages.run_page(
            "x", {}, scores=make_scores("accuracy", step_cases()), exhibits=Exhibits("steps", tracks=tracks)
        ),
        "compare_label": pages.compare_page(labelled_comparison()),
        "compare_pictures": pages.compare_page(comparison, (), Exhibits(pictures=pictures), [ATTRIBUTION]),
    }


def pages_of_methods() -> dict[str, str]:
    """Explanations, reports of what is continued or filled, a search, and the story of two studies."""
    words = Units("words", tuple("abcdef"))
    read = {
        "words": words,
        "series": Units("series", tuple("123456"), values=tuple((float(step % 3), 5.0) for step in range(6))),
        "parts": Units("parts", tuple("abcdef")),
    }
    explained = {
        kind: Explanation(
            "translate",
            "a b",
            "A B",
            "attention",
            {"read": units, "answered": words},
            tuple(Map(name, "answered", "read", "shares", shifted_map(6, 6)) for name in ("decoder.attention", "mean")),
        )
        for kind, units in read.items()
    }
    filled = Case("The [MASK] of [MASK].", "▁cat\t▁a", ("▁cat\t▁b",), 50.0)
    steps = make_scores("accuracy", step_cases())
    passages = [Case(BREAKING + LONG, "", (), 2.0), Case("b" * 30, "", (), 1.0)]
    answers = [Answer(BREAKING, LONG, 0, 0)]
    told = {
        "gaps": pages.run_page("x", {}, scores=make_scores("accuracy", [filled]), exhibits=Exhibits("gaps")),
        "passages": pages.run_page(
            "x", {}, scores=make_scores("accuracy", passages), exhibits=Exhibits("passages", answers=answers)
        ),
        "series_run": pages.run_page("x", {}, scores=make_scores("accuracy", step_cases()[:1]), exhibits=Exhibits(
            "steps", series={step_cases()[0].source: Series((HOSTILE, "flat"), [[float(at), 5.0] for at in range(6)])}
        )),
    }  # fmt: skip
    return {f"explained_{kind}": explanation_page(each, LONG, "A paper") for kind, each in explained.items()} | told | {
        "computation": computation_page(two_keys(), BREAKING, LONG),
        "computation_of_heads": computation_page(every_step()),
        "tree": tree_page(search()),
        "altered": altered_page(altered(scores(1), scores(12), 27.5, Exhibits())),
        "altered_steps": altered_page(altered(steps, steps, -1.0, Exhibits("steps"))),
        "story": study_page([hostile_study(), replace(hostile_study(), name="other")]),
    }  # fmt: skip


def altered(scores: Scores, other: Scores, difference: float, exhibits: Exhibits) -> Altered:
    """A network as it is and altered, whose names break things."""
    paired = Paired(scores.primary, difference, difference - 10, difference + 10, 0.001, examples=20)
    return Altered(LONG, BREAKING, scores, other, paired, exhibits)


def search() -> BeamTree:
    """Two steps of a beam of two, with more outscored than are drawn."""
    outscored = [BeamNode(f"x{number}", 0, 2, -4.0 - number, -4.0 - number, "outscored") for number in range(DEAD + 2)]
    nodes = (
        BeamNode(BREAKING, -1, 1, -0.5, -0.5, "lived"),
        BeamNode(ARABIC, -1, 1, -1.5, -1.5, "lived"),
        BeamNode(LONG, -1, 1, -0.2, None, "forbidden", f'it would hold "{BREAKING}"'),
        BeamNode("</s>", 0, 2, -0.7, -0.7, "finished", place=1, normalised=-0.35),
        BeamNode("b", 1, 2, -2.5, -2.5, "cut", place=2, normalised=-1.25),
        *outscored,
    )
    return BeamTree("translate", BREAKING, ("one",), 2, nodes)


def hostile_study() -> StudyResult:
    """A study whose every text tries to break the page, over linear and logarithmic axes."""
    points = tuple(Point(x, y, y / 2, y * 3, 3) for x, y in ((1.0, 2.0), (2.0, 0.003), (40.0, 70.0)))
    curves = tuple(Curve(name, points) for name in (BREAKING, ARABIC, LONG))
    charts = tuple(Chart(log or "plain", BREAKING, LONG, ARABIC, curves, BREAKING, log) for log in ("xy", "", "y"))
    verdicts = tuple(Verdict(BREAKING, ARABIC, LONG, seen, BREAKING) for seen in (True, False, None))
    return StudyResult("hostile", BREAKING, charts, verdicts, (BREAKING,), (f'heedful study "{BREAKING}"',))
