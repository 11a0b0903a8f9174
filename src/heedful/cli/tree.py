"""How `heedful explain --method tree` shows a search: as lines, as a page, or as JSON."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from heedful.cli.output import open_output
from heedful.cli.words import changes_of, texts_and_settings
from heedful.errors import HeedfulError

if TYPE_CHECKING:
    from heedful.api.model import Model

TREE = "tree"
"""Its name among the methods; unlike these it explains a search, and no finished answer."""
SAYS = "which hypotheses of the beam lived, which died, and why: scores, constraints, lengths"
ENDINGS = (".html", ".json")


def tasks() -> list[str]:
    """The tasks that search for their answers."""
    from heedful.tasks import TASKS
    from heedful.tasks.answering import Answering
    from heedful.tasks.task import find_task

    return [verb for verb in TASKS if type(find_task(verb).answering).tree is not Answering.tree]


def changes_of_search(words: list[str], method: str | None) -> dict[str, Any]:
    """How a search is to differ; raises HeedfulError for what is no setting of one, and where nothing is searched."""
    texts, settings = texts_and_settings(words)
    if texts:
        raise HeedfulError(f"One input is explained at a time, and {texts[0]!r} is another.", "Put texts into quotes.")
    if settings and method != TREE:
        raise HeedfulError(f"{settings[0]} says how to search, which --method {TREE} alone does.", "Leave it out.")
    return changes_of(settings)


def show_tree(model: "Model", source: str, changes: dict[str, Any], output: Path | None) -> None:
    """Searches once more, watched, and prints what became of each hypothesis, or writes it."""
    if output and output.suffix not in ENDINGS:
        raise HeedfulError(f"{output} cannot hold a beam tree.", f"Name a file that ends in {' or '.join(ENDINGS)}.")

    from heedful.report.tree import tree_text
    from heedful.report.tree_page import tree_page

    tree = model.tree(source, changes)
    if output is None:
        print(tree_text(tree))
        return
    text = tree_page(tree) if output.suffix == ".html" else json.dumps(tree.plain(), ensure_ascii=False)
    output.parent.mkdir(parents=True, exist_ok=True)
    with open_output(output) as stream:
        stream.write(text)
    print(output)
