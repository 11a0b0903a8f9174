"""What can be done with Heedful from Python; the command line calls the same."""

from heedful.api.demo import demo
from heedful.api.distil import distil, distil_model
from heedful.api.export import ExportResult, export
from heedful.api.folds import run
from heedful.api.model import Model, load
from heedful.api.pipeline import Pipeline, pipeline
from heedful.api.verbs import check, compare, train
from heedful.training.progress import Listener, Quiet

__all__ = [
    "ExportResult",
    "Listener",
    "Model",
    "Pipeline",
    "Quiet",
    "check",
    "compare",
    "demo",
    "distil",
    "distil_model",
    "export",
    "load",
    "pipeline",
    "run",
    "train",
]
