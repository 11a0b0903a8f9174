"""The run folder's own report: a page and a model card, made of what was measured."""

from typing import Any

from heedful.api.model import Model
from heedful.data.samples.read import attribution
from heedful.report.card import model_card
from heedful.report.pages import run_page
from heedful.report.timebars import spread_out
from heedful.report.words import counted, pace
from heedful.results import Answer, Progress, Scores, Track
from heedful.training.checkpoint import write_file

DRAWN = 24  # prompts that a report shows drawings of
ASKED = {
    "classify": "PICTURE",
    "caption": "PICTURE",
    "match": "PICTURE",
    "label": "FILE",
    "draw": '"…"',
    "translate": '"…"',
    "complete": '"…"',
    "fill": '"… [MASK] …"',
}
"""What a model is asked with; who reads texts to classify them is asked with one."""


def asked_with(model: Model) -> str:
    """What stands behind the folder where a model is asked."""
    texts = model.task == "classify" and not model.trained[0].reading.positions
    return ASKED["translate" if texts else model.task]


def called(model: Model) -> str:
    """A network's row and size, or the architecture of one that was published, whose sizes are its own."""
    plan, network = getattr(model.trained[0], "plan", None), model.recipe.network
    return plan.architecture if plan else f"{network.name} {network.size}"


def write_report(model: Model, scores: Scores, facts: dict[str, Any], curve: list[Progress]) -> None:
    """Writes report.html and README.md into the run's folder."""
    told = told_facts(model, facts)
    page_title = f"{model.task}: {model.recipe.network.name}"
    how = [f"heedful {model.task} {model.folder} {asked_with(model)}", f"heedful evaluate {model.folder} FILE"]
    if model.explains:
        how.append(f"heedful explain {model.folder} {asked_with(model)} -o page.html")
    page = run_page(
        title=page_title,
        facts=told,
        curve=curve,
        scores=scores,
        alignments=[one for text in shown(scores) if (one := model.explain(text)).maps] if model.aligns else [],
        how=how,
        task=model.task,
        pictures=model.prints(scores),
        returned=model.returned(scores),
        tracks=tracks(model, scores),
        answers=drawings(model, scores),
        attribution=attribution(model.recipe.data.train),
    )
    card = model_card(
        page_title,
        model.task,
        told,
        scores,
        how,
        data=", ".join(model.recipe.data.test),
        attribution=attribution(model.recipe.data.train),
    )
    for name, text in (("report.html", page), ("README.md", card)):
        write_file(model.folder / name, lambda path, text=text: path.write_text(text, encoding="utf-8"))


def drawings(model: Model, scores: Scores) -> list[Answer]:
    """What is drawn, or written from nothing, for a few examples, where that is the task."""
    asked = [case.source for case in scores.cases[:DRAWN]] if model.task in ("draw", "complete") else []
    asked = [*model.prompts(asked)]
    return [one for found in model.answer(asked) for one in found]


def tracks(model: Model, scores: Scores) -> dict[str, Track]:
    """Times and windows of the clips that a report shows, where labels in step are the task."""
    if model.task != "label":
        return {}
    answers = [found[0] for found in model.answer([case.source for case in spread_out(scores.cases)])]
    return {answer.source: answer.track for answer in answers if answer.track}


def told_facts(model: Model, facts: dict[str, Any]) -> dict[str, str]:
    """Measured facts as people read them."""
    recipe = model.recipe
    return {
        "data": ", ".join(recipe.data.train),
        "how it was prepared": "; ".join(facts["notes"]),
        "network": f"{called(model)}, {model.weights / 1e6:.2f} M weights",
        **({"began with": "; ".join(facts["start"])} if facts.get("start") else {}),
        "training": f"{facts['training_seconds'] / 60:.1f} minutes, {facts['steps']:,} steps, "
        f"best on valid at step {facts['best_step']:,}",
        "in all": f"{facts['wall_seconds'] / 60:.1f} minutes of this sitting, with preparation, validation and scoring",
        "precision": f"{recipe.train.precision} on {recipe.train.device}, "
        + counted(int(recipe.train.threads), "thread"),
        "learns": f"{facts['train_tokens_per_second']:,.0f} {pace(model.task)}",
        "answers": f"{facts['generate_tokens_per_second']:,.0f} {pace(model.task)}"
        + (f" (beam {recipe.generate.beam})" if model.task in ("translate", "caption") else ""),
        "memory": f"{facts['peak_memory_mb']:,.0f} MB at the most",
        "scored on": f"the {facts['on']} split",
    }


def shown(scores: Scores) -> list[str]:
    """A few sources whose alignments are worth a look: short enough to be read, the longest of those first."""
    readable = sorted({case.source for case in scores.cases if len(case.source) <= 60}, key=lambda text: -len(text))
    return readable[:3]
