"""A model of any task as ONNX files, beside a description of what goes in and what comes out."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from heedful.data.folders import write_json
from heedful.engines import onnx_files
from heedful.engines.onnx_graphs import Graph
from heedful.exporters.package import ExportedFiles, Package, agreement_note
from heedful.tasks.long import way_of
from heedful.tasks.models import LearnableModel
from heedful.tasks.task import find_task

__all__ = ["refuse", "require", "write"]
require = onnx_files.require

TRACED, CHECKED = (6, 4, 3), (9, 1, 4, 7, 2)
"""Lengths of made-up sources: by which graphs are traced, and on which the files are checked."""


def refuse(package: Package) -> None:
    """Raises HeedfulError for what has no graphs."""
    graphs_of(package)


def write(package: Package, folder: Path) -> ExportedFiles:
    """Writes the graphs, tokenizers and export.json, and checks one batch; raises HeedfulError as `refuse` does."""
    task, model, graphs = find_task(package.recipe.task), package.model, graphs_of(package)
    for graph in graphs:
        onnx_files.write_graph(graph, folder)
    task.answering.export_files(model, folder)
    manifest = task.answering.manifest(model, folder, package.recipe.generate)
    about = {"library": "heedful", "task": task.facts.verb, "long": way_of(package.recipe.data.long, task.facts)}
    write_json(folder / "export.json", about | manifest)
    meaning = {f"{graph.name}.onnx": graph.about for graph in graphs}
    meaning |= {"export.json": "how sources are made, what answers mean"}
    return ExportedFiles(meaning, [check(task.facts.verb, model, folder), how_to_use(graphs)])


def graphs_of(package: Package) -> list[Graph]:
    """What is written of a model."""
    package.model.network.eval()
    return find_task(package.recipe.task).learning.graphs(package.model, TRACED)


def check(verb: str, model: LearnableModel, folder: Path) -> str:
    """What the check of the files found, on sources of other lengths."""
    if find_spec("onnxruntime") is None:
        return 'not checked: onnxruntime is not installed (pip install "heedful[bench]")'
    deviation = onnx_files.differences(find_task(verb).learning.graphs(model, CHECKED), folder)
    return agreement_note("onnxruntime", f"answers to a batch of {len(CHECKED)}", deviation)


def how_to_use(graphs: Sequence[Graph]) -> str:
    """A line how to use the files."""
    if graphs[0].name in ("encoder", "step"):
        return "use: the loop of 40 lines in docs/export.md, without Heedful and PyTorch"
    inputs = ", ".join(f'"{name}": …' for name in graphs[0].inputs)
    return f'use: onnxruntime.InferenceSession("FOLDER/{graphs[0].name}.onnx").run(None, {{{inputs}}})'
