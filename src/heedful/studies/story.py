"""Studies by name: one, or all of them as the story of the field."""

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import cast

from heedful.data.folders import write_file
from heedful.report.studied import StudyResult, study_page, study_text
from heedful.studies import STUDIES
from heedful.studies.study import Cell, Options, Study, run, unmeasured, whole_time
from heedful.training.progress import Listener

FOLDER = Path("runs/study")


def find_study(name: str) -> Study:
    """The study of a name."""
    assert name in STUDIES, f"there is no study {name}"
    return cast(Study, import_module(f"heedful.studies.{name}").STUDY)


def cells_left(study: Study, options: Options, folder: Path) -> list[Cell]:
    """What a folder does not hold yet."""
    return unmeasured(study.cells(study.with_seeds(options), folder), folder)


def tell(names: Sequence[str], options: Options, output: Path | None, listener: Listener) -> str:
    """Runs studies, one in `output` and several in folders of it (runs/study); what a terminal shows of them."""
    if len(names) == 1:
        return study_text(run(find_study(names[0]), options, output or FOLDER / names[0], listener))
    folder, results = output or FOLDER, list[StudyResult]()
    asked = [
        (study, replace(options, files=options.files if study.takes_data else ())) for study in map(find_study, names)
    ]
    left = [cell for study, own in asked for cell in cells_left(study, own, folder / study.name)]
    listener.note(f"{len(names)} studies, in all {whole_time(left)}")
    for study, own in asked:
        results.append(run(study, own, folder / study.name, listener))
    page = folder / "story.html"
    write_file(page, lambda path: path.write_text(study_page(results), encoding="utf-8"))
    listener.note(f"the story: {page}")
    return "\n\n".join(f"{result.name}: {result.finding}" for result in results)
