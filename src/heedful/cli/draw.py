"""heedful draw: ask a trained model for pictures of what a text says."""

import re
import sys
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from heedful.cli import ask
from heedful.cli.ask import File, Json, MoreRuns, Run, Texts
from heedful.errors import HeedfulError

if TYPE_CHECKING:
    from heedful.api.model import Model
    from heedful.results import Answer

Output = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="PATH", help="A folder, or one .png: several drawings make a sheet."),
]
Number = Annotated[int | None, typer.Option("--n", metavar="N", help="N drawings of each text.")]

MAX_NAME = 60  # characters of a file's name


def run(
    name: Run,
    words: Texts = None,
    file: File = None,
    output: Output = None,
    more_runs: MoreRuns = None,
    n: Number = None,
    as_json: Json = False,
) -> None:
    """Ask a trained model for pictures of what a text says: each in a file named after its text.

    \b
    heedful draw runs/mine "a red cat"                       a-red-cat.png, here; never over a file that is there
    heedful draw runs/mine "a red cat" --n 4 seed=7 -o cats/
    heedful draw runs/mine "a red cat" "a dog" -o sheet.png  one sheet with all of them, and the texts above
    heedful draw runs/mine --file prompts.txt -o drawings/
    heedful draw runs/mine "a red cat" guidance=5 temperature=0.8

    Prints each text and the file of its drawing. With --json pictures come as PNG in base64, and no file is written.
    """
    question = ask.parse_question(words, file, None, n)
    refuse(output, as_json)
    model = ask.load_model("draw", name, more_runs)
    answer_lists = ask.answer_all(
        lambda texts: model.answer(texts, question.changes), question.texts(), question.at_once, place=question.place
    )
    if as_json:
        ask.write((line for answers in answer_lists for line in ask.json_line(answers)), None)
        return
    if output is None or is_folder(output):
        ask.write(write_files(answer_lists, output or Path()), None, flush=True)
    else:
        ask.write([write_sheet(model, list(answer_lists), output)], None)
    credit(model)


def refuse(output: Path | None, as_json: bool) -> None:
    """Raises HeedfulError for an output that cannot hold pictures."""
    if output is not None and as_json:
        raise HeedfulError("With --json the pictures are in the lines, not in files.", "Leave out -o or --json.")
    if output is not None and not is_folder(output) and output.suffix.lower() != ".png":
        raise HeedfulError(
            f"{output} is neither a PNG file nor a folder.", "Name a file that ends in .png, or a folder."
        )


def is_folder(path: Path) -> bool:
    """Whether this is a folder, or would be one."""
    return path.is_dir() or not path.suffix


def write_files(answer_lists: "Iterator[list[Answer]]", folder: Path) -> Iterator[str]:
    """Writes each drawing into a file of its own; a line for each."""
    for answers in answer_lists:
        if ask.is_blank(answers[0]):
            yield ask.table_row(answers[0].source, "")
            continue
        folder.mkdir(parents=True, exist_ok=True)
        for answer in answers:
            path = free_path(folder, file_stem(answer.source))
            path.write_bytes(answer.picture)
            yield ask.table_row(answer.source, str(path))


def write_sheet(model: "Model", answer_lists: "Sequence[list[Answer]]", path: Path) -> str:
    """Writes all drawings into one file: a sheet, or the drawing itself where there is but one."""
    from heedful.report.sheet import SheetCell, contact_sheet

    drawings = [
        (answers[0].source, tuple(answer.picture for answer in answers))
        for answers in answer_lists
        if not ask.is_blank(answers[0])
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    if len(drawings) == 1 and len(drawings[0][1]) == 1:
        path.write_bytes(drawings[0][1][0])
        return ask.table_row(drawings[0][0], str(path))
    cells = [SheetCell(prompt, pictures) for prompt, pictures in drawings]
    path.write_bytes(contact_sheet(cells, attribution=attributions(model)))
    return str(path)


def file_stem(text: str) -> str:
    """A text as the name of a file.

    >>> file_stem("A red cat, asleep!"), file_stem("???")
    ('a-red-cat-asleep', 'drawing')
    """
    return re.sub(r"\W+", "-", text.lower()).strip("-")[:MAX_NAME].strip("-") or "drawing"


def free_path(folder: Path, name: str) -> Path:
    """A name in the folder that no file has."""
    candidates = (f"{name}-{number}.png" if number > 1 else f"{name}.png" for number in count(1))
    return next(path for candidate in candidates if not (path := folder / candidate).exists())


def attributions(model: "Model") -> list[str]:
    """The attributions that must be shown with pictures drawn by this model."""
    from heedful.data.samples.read import attribution

    return attribution(model.recipe.data.train)


def credit(model: "Model") -> None:
    """Prints the attributions that must be shown with the drawings."""
    for line in attributions(model):
        print(f"The training pictures have a license. Where you show these drawings, state: {line}", file=sys.stderr)
