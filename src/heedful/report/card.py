"""The model card: README.md of a run folder, in the form that the Hugging Face hub reads."""

from collections.abc import Sequence
from dataclasses import dataclass

from huggingface_hub import EvalResult, ModelCardData

from heedful.data.readers.rows import count
from heedful.distillations import Distillation
from heedful.report import distilled, words
from heedful.report.folds import fold_rows
from heedful.results import Measure, Scores


@dataclass(frozen=True)
class TaskCard:
    """The task as a model card names it: verb, the hub's task ("": none), what goes in, what comes out."""

    verb: str
    hub_task: str
    takes: str
    gives: str


def model_card(
    title: str,
    task: TaskCard,
    facts: dict[str, str],
    scores: Scores | None = None,
    commands: Sequence[str] = (),
    *,
    data: str = "",
    tags: Sequence[str] = (),
    attribution: Sequence[str] = (),
    distillation: Distillation | None = None,
) -> str:
    """Markdown with YAML front matter; measured numbers only.

    `facts` are short and true (network, weights, budget, hardware); `commands` holds commands, one a line; `data` names
    what it was scored on; `attribution` names those whose data it learned from; `distillation` is a student beside its
    teacher.
    """
    parts = [f"---\n{front_matter(title, task, scores, data, tags)}\n---", f"# {escape_markdown(title)}"]
    parts.append(f"**In:** {escape_markdown(task.takes)}. **Out:** {escape_markdown(task.gives)}.")
    parts.append(table(["", ""], [[name, fact] for name, fact in facts.items()]))
    if scores:
        parts += [
            "## Scores",
            score_table(scores),
            fold_table(scores),
            *map(escape_markdown, scores.remarks),
            *signatures(scores),
        ]
    if distillation:
        head, *rows = distilled.rows(distillation)
        parts += ["## Beside its teacher", table(head, rows)]
        parts += map(escape_markdown, distilled.sentences(distillation))
    if commands:
        parts += ["## Use", "```bash\n" + "\n".join(commands) + "\n```"]
    parts += [escape_markdown(line) for line in attribution]
    return "\n\n".join(part for part in parts if part) + "\n"


def front_matter(title: str, task: TaskCard, scores: Scores | None, data: str, tags: Sequence[str]) -> str:
    """What the hub indexes: library, task, tags and results, as YAML."""
    results = [
        EvalResult(task.hub_task or task.verb, data, data, name, round(measure.value, 2), metric_name=words.title(name))
        for name, measure in (scores.measures.items() if scores and data else ())
    ]
    card = ModelCardData(
        library_name="heedful",
        pipeline_tag=task.hub_task or None,
        tags=[task.verb, *tags],
        model_name=title,
        eval_results=results or None,
    )
    return card.to_yaml().strip()


def score_table(scores: Scores) -> str:
    """Each measure with its interval, beside the baseline, and in words whether that is surpassed."""
    head = ["measure", "value", "95 % interval"] + ([f"baseline: {scores.baseline_name}"] if scores.baseline else [])
    rows = [row(name, measure, scores) for name, measure in scores.measures.items()]
    standing = words.standing(scores)
    sentence = f"\n\n**{escape_markdown(standing[0].upper() + standing[1:])}**" if standing else ""
    return f"On {count(scores.count, 'example')}.\n\n{table(head, rows)}{sentence}"


def row(name: str, measure: Measure, scores: Scores) -> list[str]:
    """One measure as cells."""
    baseline = scores.baseline.get(name)
    cells = [words.title(name), words.score(measure.value, name), words.interval_or_why(measure, scores.count)]
    return [*cells, words.value_with_interval(baseline) if baseline else "–"] if scores.baseline else cells


def fold_table(scores: Scores) -> str:
    """The folds of a cross-validation, or nothing."""
    rows = fold_rows(scores)
    return table(rows[0], rows[1:]) if rows else ""


def signatures(scores: Scores) -> list[str]:
    """The signature of each measure that has one."""
    return [
        f"{words.title(name)}: `{measure.signature}`" for name, measure in scores.measures.items() if measure.signature
    ]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, or nothing for no rows."""
    if not rows:
        return ""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(escape_markdown(cell) for cell in line) + " |" for line in lines)


def escape_markdown(text: str) -> str:
    """Text that Markdown shows as it is."""
    for character in "\\`*_[]<>|":
        text = text.replace(character, "\\" + character)
    return " ".join(text.split())
