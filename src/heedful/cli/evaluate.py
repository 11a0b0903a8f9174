"""heedful evaluate: how good a trained model is."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from heedful.cli import cut
from heedful.cli.words import changes_of, files_and_settings, require_files
from heedful.errors import HeedfulError
from heedful.names import require_models

Run = Annotated[str, typer.Argument(metavar="RUN", help="A trained or published model: its folder, or its hub name.")]
Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FILE",
        help="Test data, and settings as key=value; without a file, the run's own test data, else its validation data.",
    ),
]
MoreRuns = Annotated[
    list[str] | None, typer.Option("--with", metavar="RUN", help="Another run for an ensemble; can be repeated.")
]
Against = Annotated[
    str | None, typer.Option(metavar="RUN", help="Another model, for a paired test on the same examples.")
]
Judge = Annotated[str | None, typer.Option(metavar="RUN", help="A run of match that judges drawings (draw).")]
Output = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="FILE", help="Of an altered network: a page (.html) of both, side by side."),
]
Json = Annotated[bool, typer.Option("--json", help="All scores, and each example, as JSON.")]


def run(
    name: Run,
    words: Words = None,
    more_runs: MoreRuns = None,
    against: Against = None,
    judge: Judge = None,
    without: cut.Without = None,
    attend: cut.Attend = None,
    hold: cut.Hold = None,
    output: Output = None,
    as_json: Json = False,
) -> None:
    """Score a trained model: measures with 95 % intervals and signatures, the baseline, quality by length.

    \b
    heedful evaluate runs/mine test.tsv
    heedful evaluate runs/mine test.tsv --against runs/other     is one better on the same examples?
    heedful evaluate runs/a test.tsv --with runs/b               an ensemble
    heedful evaluate runs/mine test.tsv generate.beam=8
    heedful evaluate runs/mine test.tsv --without memory         what does attention to the source do for it?
    heedful evaluate runs/mine test.tsv --without memory -o cut.html   the same as a page, with answers side by side
    heedful evaluate runs/drawn --judge runs/matched             drawings, beside real pictures and exchanged ones
    """
    files, settings = files_and_settings(words or [])
    changes = changes_of(settings)
    require_models(name, *(more_runs or []), *([judge] if judge else []), *([against] if against else []))
    require_files(files)
    cuts = cut.cuts_of(without, attend, hold)
    if cuts and (against or judge):
        raise HeedfulError(
            "An altered network is compared with itself as it is, and with nothing else.",
            "Leave out --against and --judge.",
        )
    if output:
        cut.check_page(output, cuts)

    from heedful.api.altered import evaluate_altered
    from heedful.api.loading import load
    from heedful.cli import show

    model = load(name, *(more_runs or []))
    other, judging = load(against) if against else None, load(judge) if judge else None
    data = files or None
    examples = model.read(data, changes)
    asked = data, changes, examples
    if cuts:
        two = evaluate_altered(model, cuts, *asked)
        fields = cut.scores_fields(two)
        print(json.dumps(two.scores.plain() | fields, ensure_ascii=False) if as_json else cut.scores_text(two))
        if output:
            cut.write_page(model, two, output)
        return
    scores = model.judge_by(judging, *asked) if judging else model.evaluate(*asked)
    pair = model.compare_with(other, *asked) if other else None
    if as_json:
        comparison = {"against": {"model": against} | asdict(pair)} if pair else {}
        print(json.dumps(scores.plain() | comparison, ensure_ascii=False))
        return
    print(show.scores(scores))
    if pair and against:
        print(f"\n{show.paired_test(pair, name, against)}")
