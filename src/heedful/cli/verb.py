"""heedful VERB for a task that has no module of its own here: the command is made of the task's facts."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from heedful.cli import ask
from heedful.cli.ask import Best, File, Json, MoreRuns, Output, Run, Score
from heedful.cli.pictures import answer_pictures
from heedful.tasks import TASKS
from heedful.tasks.facts import TaskFacts
from heedful.tasks.task import find_task

if TYPE_CHECKING:
    from heedful.results import Answer

GAP = 2  # between an example and what it gives
FOLDERS = "A folder or a sample stands for all pictures in it. "


def make_command(verb: str) -> Callable[..., None]:
    """The function whose type hints are the flags of `heedful VERB`, and whose docstring is its help."""
    facts = find_task(verb).facts
    folders = FOLDERS if "picture" in facts.sources else ""
    setting = "beam=8" if facts.searches else "batch_tokens=4000"
    about = f"{folders}Without any, the lines of standard input. Settings go among them, as {setting}."

    def run(
        name: Run,
        words: Annotated[list[str] | None, typer.Argument(metavar=facts.asked_with, help=about)] = None,
        file: File = None,
        output: Output = None,
        more_runs: MoreRuns = None,
        n: Best = None,
        score: Score = False,
        as_json: Json = False,
    ) -> None:
        question = ask.parse_question(words, file, output, n)
        if score:
            ask.refuse_search_flags(question, as_json)
        model = ask.load_model(verb, name, more_runs)
        if score:
            lines = ask.score_lines(model, question)
        else:
            answer = partial(model.answer, changes=question.changes)
            if model.source_kind == "picture":
                answer_lists = answer_pictures(answer, question.lines(), question.at_once)
            else:
                answer_lists = ask.answer_all(
                    answer, question.texts(), question.at_once, n_best=n or 1, place=question.place
                )
            format_answers = ask.json_line if as_json else best_line if n is None else ask.table_lines
            if format_answers is ask.table_lines:
                answer_lists = ask.tell_ranking(answer_lists)
            lines = (line for answers in answer_lists for line in format_answers(answers))
        ask.write(lines, output, question.at_once == 1)

    run.__doc__ = help_of(facts)
    return run


def help_of(facts: TaskFacts) -> str:
    """What `heedful VERB --help` says of it."""
    asked, beam = facts.asked_with, " beam=8" if facts.searches else ""
    examples = {
        f"runs/mine {asked}": "what was asked, answer",
        "runs/mine --file names.txt -o answers.tsv": "",
        f"runs/mine {asked} --n 3{beam}": "what was asked, answer, log probability",
        f"runs/a --with runs/b {asked}": "an ensemble: both decide together",
        f'runs/mine --score {asked} "an answer"': "",
    }
    width = max(map(len, examples)) + GAP
    lines = [f"heedful {facts.verb} {words:{width}}{note}".rstrip() for words, note in examples.items()]
    return "\n".join([TASKS[facts.verb], "", "\b", *lines, "", "Answers come in the order of what was asked."])


def best_line(answers: "list[Answer]") -> list[str]:
    """What was asked, and the best answer."""
    return [ask.table_row(answers[0].source, answers[0].output)]
