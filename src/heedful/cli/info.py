"""heedful info: a run or a network, its shape, weights and memory."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heedful.cli.words import SizeFlag
from heedful.errors import HeedfulError, nearest, size_of, unknown
from heedful.names import require_models
from heedful.report.columns import columns
from heedful.results import NetworkFacts

if TYPE_CHECKING:
    from torch import nn

    from heedful.api.model import Model
    from heedful.cli.shapes import Diagram
    from heedful.hub import Plan
    from heedful.networks.weights import Tensors
    from heedful.schema import NetworkSettings

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="A model's folder or hub name, or a row of `heedful networks`.")
]

Output = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FILE", help="A figure (.svg) or a page (.html) to write.")
]

ADAM_COPIES = 4  # weights, gradient, and AdamW's two moments


def run(name: Name, size: SizeFlag = None, output: Output = None) -> None:
    """The shape of a run or a network, drawn, with its tensors, weights and memory.

    \b
    heedful info runs/mine
    heedful info vaswani2017 --size base
    heedful info openai-community/gpt2
    heedful info bahdanau2015 -o bahdanau2015.svg       for a slide; or a page, .html
    """
    if output is None:
        print(format_facts(facts_of(name, size)))
        return
    from heedful.report.slides import require_suffix, write_network

    require_suffix(output)
    write_network(facts_of(name, size), output)
    print(output)


def facts_of(name: str, size: str | None) -> NetworkFacts:
    """What is to be known of a row of the lineage or of a model; raises HeedfulError if it is neither."""
    from heedful.networks.lineage import LINEAGE

    if not Path(name).exists() and name in LINEAGE:
        return about_row(name, size or "small")
    if not Path(name).exists() and "/" not in name and nearest(name, LINEAGE):
        raise unknown("network", name, LINEAGE)

    require_models(name)

    from heedful.api.loading import load

    model = load(name)
    if size is not None:
        kind = "published" if model.published else f"a run, of size {model.recipe.network.size}"
        raise HeedfulError(f"{name} is {kind}.", "--size goes with a network.")
    return about_model(model)


def about_row(name: str, size: str) -> NetworkFacts:
    """The description of a row of the lineage."""
    from heedful.cli.shapes import OWN_DIAGRAMS, Diagram
    from heedful.networks.settings import main_join
    from heedful.networks.weights import VOCABULARY, tensors_at

    settings = resolve_settings(name, size)
    join, from_picture = OWN_DIAGRAMS.get(name, (main_join(name), False))
    counted = "counted as one of tokens, " if name in OWN_DIAGRAMS else ""
    sides = f"{counted}with vocabularies of {VOCABULARY:,} entries"
    return describe(Diagram(settings, join, from_picture), tensors_at(name, size), sides)


def about_model(model: "Model") -> NetworkFacts:
    """The description of a model; a published one may have an encoder with settings of its own."""
    from heedful.api.devices import gpu
    from heedful.api.opened import FEW
    from heedful.cli.shapes import Diagram
    from heedful.networks.weights import tensors_of
    from heedful.tasks.task import find_task

    facts, network, plan = find_task(model.task).facts, model.learnable[0].network, model.learnable[0].plan
    encoder = plan.sides.get("encoder") if plan else None
    from_picture, to_picture = model.source_kind == "picture", facts.view == "drawings"
    diagram = Diagram(model.recipe.network, facts.join, from_picture, to_picture, encoder)
    sides = f"{vocabularies(network)}{'published' if plan else 'trained'} to {model.task}"
    described = describe(diagram, tensors_of(network), sides, plan)
    engines = f"engines: {', '.join(model.engines)}"
    where = f"more than {FEW} inputs: torch on {gpu()}" if gpu() else ""
    return replace(described, settings=tuple(filter(None, (*described.settings, engines, model.verdict, where))))


def vocabularies(network: "nn.Module") -> str:
    """How many entries each side has that reads or writes tokens."""
    from heedful.blocks.embedding import Tokens

    sizes = [f"{part.table.num_embeddings:,}" for part in network.modules() if isinstance(part, Tokens)]
    return f"vocabularies of {' and '.join(sizes)} entries, " if sizes else ""


def resolve_settings(name: str, size: str) -> "NetworkSettings":
    """A row's settings at a size; raises HeedfulError for an unknown size."""
    from heedful.networks.settings import main_join, resolve
    from heedful.recipe import check

    settings = check({"network": {"name": name, "size": size}}).network
    return resolve(settings, main_join(name), default=name, verb="")


def describe(diagram: "Diagram", tensors: "Sequence[Tensors]", sides: str, plan: "Plan | None" = None) -> NetworkFacts:
    """A network: paper, diagram, settings, tensors, weights."""
    from heedful.cli.shapes import draw_diagram
    from heedful.networks.lineage import LINEAGE

    settings = diagram.settings
    row = LINEAGE[settings.name]
    setting_lines = (
        [f"{name}: {decisions(side)}" for name, side in plan.sides.items()] if plan else [decisions(settings)]
    )
    weights = sum(row.weights for row in tensors)
    size = weights * 4
    return NetworkFacts(
        name=settings.name,
        title=f"{settings.name} {plan.architecture if plan else settings.size} · {row.paper}",
        added=row.added,
        lacked=row.lacked,
        diagram=draw_diagram(diagram),
        settings=(*setting_lines, sides),
        tensors=table(tensors),
        size=f"{weights:,} weights: {size_of(size)} in float32, {size_of(size * ADAM_COPIES)} to train them",
    )


def format_facts(facts: NetworkFacts) -> str:
    """A network as text."""
    lines = [facts.title, f"  added:  {facts.added}", f"  lacked: {facts.lacked}", "", facts.diagram, *facts.settings]
    return "\n".join([*lines, "", columns(facts.tensors, left_aligned={1}), "", facts.size])


def decisions(settings: "NetworkSettings") -> str:
    """Settings that are decided."""
    items = asdict(settings).items()
    return ", ".join(f"{key} {value}" for key, value in items if key not in ("name", "size") and value != "auto")


def table(tensors: "Sequence[Tensors]") -> tuple[tuple[str, ...], ...]:
    """A row for each tensor of weights, below their head."""
    rows = [(row.name, " × ".join(map(str, row.shape)), str(row.times), f"{row.weights:,}") for row in tensors]
    return (("tensor", "shape", "times", "weights"), *rows)
