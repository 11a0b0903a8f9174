# pyright: reportUnknownVariableType=false
"""A network as graphs in a folder, asked through onnxruntime: what engines/onnx_build.py wrote."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from safetensors.numpy import load_file

from heedful.engines.matching import MatchingEngine
from heedful.engines.onnx_reading import OnnxCodec, OnnxMaskedLanguageModel, OnnxReader, OnnxTower, OnnxTowers
from heedful.engines.onnx_session import Session, usual_threads
from heedful.engines.onnx_writing import BeforeOutput, OnnxLanguageModel, OnnxSeq2Seq
from heedful.engines.reading import MaskedTokenEngine, ReadingEngine
from heedful.engines.writing import LanguageEngine, PictureCodec, WritingEngine
from heedful.errors import HeedfulError
from heedful.small_files import read_json_table

FACTS = "engine.json"
ENCODER, STEP, MODEL, READ, HEAD, PAINT, SKETCH = "encoder", "step", "model", "read", "head", "paint", "sketch"
STEP_OUTPUTS, OUTPUT_LAYER, GREEDY = "step_outputs", "output.safetensors", "greedy"
PICTURES, TEXTS = "pictures", "texts"


@dataclass(frozen=True)
class OnnxEngine:
    """The graphs of one network. Implements `Engine`."""

    folder: Path

    def writer(self) -> WritingEngine:
        step = self.facts[STEP]
        return OnnxSeq2Seq(
            self.graph(ENCODER),
            self.graph(STEP),
            step["vocabulary"],
            self.facts[ENCODER]["limit"],
            step["limit"],
            self.before_output,
            self.graph(GREEDY) if self.path(GREEDY).exists() else None,
        )

    def language(self) -> LanguageEngine:
        return OnnxLanguageModel(self.graph(STEP), self.graph(READ), self.graph(HEAD), self.facts[STEP]["vocabulary"])

    def reader(self) -> ReadingEngine:
        return OnnxReader(self.graph(MODEL), self.facts[MODEL]["limit"])

    def masked(self) -> MaskedTokenEngine:
        return OnnxMaskedLanguageModel(self.graph(ENCODER), self.graph(HEAD), self.facts[HEAD]["vocabulary"])

    def matcher(self) -> MatchingEngine:
        pictures, texts = (OnnxTower(self.graph(name), self.facts[name]["limit"]) for name in (PICTURES, TEXTS))
        facts = self.facts[PICTURES]
        return OnnxTowers(pictures, texts, facts["width"], facts["scale"], self.path(PICTURES))

    def codec(self) -> PictureCodec:
        return OnnxCodec(self.graph(SKETCH), self.graph(PAINT), self.facts[PAINT]["positions"])

    def before_output(self) -> BeforeOutput:
        """A step that ends before the output layer, and that layer; raises HeedfulError where there is none."""
        if not self.path(STEP_OUTPUTS).exists():
            raise HeedfulError("This network has no graph for shortlists.", "engine=torch answers.")
        return self.graph(STEP_OUTPUTS), load_file(self.folder / OUTPUT_LAYER)

    def in_int8(self) -> NoReturn:
        raise HeedfulError("engine=onnx answers in float32 alone.", "engine=ct2 precision=int8 answers in 8 bits.")

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What must be known beside the graphs, by their names."""
        return read_json_table(self.folder / FACTS)

    def path(self, name: str) -> Path:
        """The file of a graph."""
        return self.folder / f"{name}.onnx"

    def graph(self, name: str) -> Session:
        """A graph, ready to be asked."""
        return Session(self.path(name), usual_threads())
