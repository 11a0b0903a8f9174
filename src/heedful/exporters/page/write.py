"""Networks in one HTML file: which can go into it, and the file."""

import base64
import hashlib
from collections import Counter
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from markupsafe import Markup

from heedful.blocks.embedding import Tokens
from heedful.errors import HeedfulError, weights_of
from heedful.exporters.package import ExportedFiles, Package
from heedful.exporters.page.asking import asking_of, foreign_tokenizer
from heedful.exporters.page.describe import describe
from heedful.exporters.page.script import script_of
from heedful.exporters.page.weights import blob_of
from heedful.networks.embeddings import PictureEmbedding
from heedful.networks.joins import EncoderDecoder, EncoderHead, LanguageModel, Network
from heedful.networks.lineage import LINEAGE
from heedful.report import pages
from heedful.report.words import join_words
from heedful.schema import GenerateSettings
from heedful.tasks.task import find_task

Runnable = EncoderDecoder | LanguageModel | EncoderHead
"""Networks whose outputs the page knows what to do with."""
JOINS = ("encoder_decoder", "decoder", "encoder_pooled")
AS_USUAL = ("finish", "close", "renormalize", "prefix", "required", "forbidden")
"""Settings of a search that the page knows by their defaults alone."""
BEAM = {"name": "beam", "label": "Beam size", "min": 1, "max": 16, "step": 1}
TEMPERATURE = {"name": "temperature", "label": "Temperature", "min": 0, "max": 2, "step": 0.1}
LEADS = {
    "decoder": "The networks go on with what stands here, each by itself, a token at a time. What is typed stays here.",
    "encoder_decoder": "The networks answer as one types, each by itself, a token at a time. What is typed stays here.",
    "encoder_pooled": "The networks answer at once, each by itself. What is typed or dropped stays here.",
}


def require() -> None:
    """Nothing more than Heedful itself."""


def refuse(package: Package) -> None:
    """Raises HeedfulError for what the page's runtime does not know."""
    network, settings = package.model.network, package.recipe.generate
    if package.published or package.model.plan is not None:
        raise refusal(package, "runs networks of the lineage, and these weights were published elsewhere")
    if not isinstance(network, Runnable) or join_of(package) not in JOINS:
        raise refusal(package, "runs what writes tokens or tells classes")
    if problem := foreign_source(network):
        raise refusal(package, problem)
    if foreign_tokenizer(package):
        raise refusal(package, "knows tokenizers that were learnt here, and not this one")
    usual = GenerateSettings()
    for key in AS_USUAL:
        if getattr(settings, key) != getattr(usual, key):
            raise refusal(package, f"knows no search with generate.{key}={getattr(settings, key)}")


def refusal(package: Package, reason: str) -> HeedfulError:
    """The error for a model that cannot go into a page."""
    return HeedfulError(f"A page {reason}: {package.folder} ({package.recipe.task}, {package.model.settings.name}).")


def foreign_source(network: Network) -> str:
    """Why the network's source cannot be read in a page; "": it can."""
    for embedding, _ in network.sides():
        if isinstance(embedding, PictureEmbedding):
            if stem := len(embedding.patches.stem.layers):
                return f"has no convolutions, and this network has {stem} (network.stem=0 trains one without)"
        elif not isinstance(embedding, Tokens):
            return "reads texts and pictures alone"
    return ""


def join_of(package: Package) -> str:
    """How the task joins the parts of a network."""
    return find_task(package.recipe.task).facts.join


def write(packages: Sequence[Package], path: Path) -> ExportedFiles:
    """Writes the page; raises HeedfulError as `refuse` does, and for networks that are asked differently."""
    for package in packages:
        refuse(package)
    first, *others = packages
    for other in others:
        refuse_other(first, other)
    names = names_of(packages)
    page, partial = page_of(packages, names), path.with_name(f"{path.name}.partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial.write_text(page, encoding="utf-8")
    partial.replace(path)

    return ExportedFiles({path.name: join_words(names)}, ["use: open FOLDER in a browser; it needs no network"])


def refuse_other(first: Package, other: Package) -> None:
    """Raises HeedfulError for networks that cannot answer to the same question."""
    tasks = [package.recipe.task for package in (first, other)]
    sources = [find_task(package.recipe.task).answering.source_kind(package.model) for package in (first, other)]
    if tasks[0] != tasks[1] or sources[0] != sources[1]:
        raise HeedfulError(
            f"The networks of a page answer to the same question: {first.folder} was trained to {tasks[0]} "
            f"({sources[0]}), {other.folder} to {tasks[1]} ({sources[1]}).",
            "Export a page for each.",
        )


def names_of(packages: Sequence[Package]) -> list[str]:
    """What each network is called: by its row, with its folder where several are of one."""
    rows = Counter(package.model.settings.name for package in packages)
    called = [(package.model.settings.name, package.folder.resolve().name) for package in packages]
    return [row if rows[row] == 1 else f"{row} ({folder})" for row, folder in called]


def page_of(packages: Sequence[Package], names: Sequence[str]) -> str:
    """The page as HTML."""
    first = packages[0]
    join, script = join_of(first), f"\n{script_of('main.js')}"
    picture = find_task(first.recipe.task).answering.source_kind(first.model) == "picture"
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    css = resources.files("heedful.exporters.page") / "runtime" / "page.css"
    return pages.page(
        "live.html",
        kind=first.recipe.task,
        title=join_words(names),
        lead=LEADS[join],
        picture=picture,
        typed=join != "decoder",
        writes=join != "encoder_pooled",
        numbers=numbers_of(first),
        networks=[network_of(package, name) for package, name in zip(packages, names, strict=True)],
        style=Markup(pages.style() + css.read_text(encoding="utf-8")),
        script=Markup(script),
        script_hash=Markup(f"'sha256-{digest}'"),
    )


def numbers_of(package: Package) -> list[dict[str, Any]]:
    """What one may set of a search."""
    settings = package.recipe.generate
    if settings.sample:
        return [TEMPERATURE | {"value": settings.temperature}]
    return [BEAM | {"value": max(settings.beam, settings.n_best)}]


def network_of(package: Package, name: str) -> dict[str, Any]:
    """One network for the template."""
    network, row = package.model.network, LINEAGE[package.model.settings.name]
    assert isinstance(network, Network)
    blob = blob_of(network)
    description = {
        "join": join_of(package),
        "network": describe(network, package.model.settings),
        "layout": blob.layout,
        "asking": asking_of(package),
    }
    about = f"{row.paper}: {row.added}. {weights_of(weights_in(package))}."
    return {"name": name, "about": about, "description": description, "weights": blob.text}


def weights_in(package: Package) -> int:
    """How many weights a network has."""
    return sum(weight.numel() for weight in package.model.network.parameters())
