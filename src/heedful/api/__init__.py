"""What can be done with Heedful from Python; the command line calls the same."""

from heedful.api.compare import compare
from heedful.api.demo import demo
from heedful.api.export import ExportResult, export
from heedful.api.model import Model, load
from heedful.api.pipeline import Pipeline, pipeline
from heedful.api.train import check, run, train

__all__ = [
    "ExportResult",
    "Model",
    "Pipeline",
    "check",
    "compare",
    "demo",
    "export",
    "load",
    "pipeline",
    "run",
    "train",
]
