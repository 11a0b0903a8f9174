"""A network as graphs in a folder, asked through onnxruntime: what engines/onnx_build.py wrote."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from heedful.engines.matching import MatchingEngine
from heedful.engines.onnx_reading import OnnxCodec, OnnxMaskedLanguageModel, OnnxReader, OnnxTower, OnnxTowers
from heedful.engines.onnx_session import Session, usual_threads
from heedful.engines.onnx_writing import OnnxLanguageModel, OnnxSeq2Seq
from heedful.engines.reading import MaskedTokenEngine, ReadingEngine
from heedful.engines.writing import LanguageEngine, PictureCodec, WritingEngine
from heedful.small_files import read_json_table

FACTS = "engine.json"
ENCODER, STEP, MODEL, READ, HEAD, PAINT, SKETCH = "encoder", "step", "model", "read", "head", "paint", "sketch"
PICTURES, TEXTS = "pictures", "texts"


@dataclass(frozen=True)
class OnnxEngine:
    """The graphs of one network. Implements `Engine`."""

    folder: Path

    def writer(self) -> WritingEngine:
        step = self.facts[STEP]
        return OnnxSeq2Seq(
            self.graph(ENCODER), self.graph(STEP), step["vocabulary"], self.facts[ENCODER]["limit"], step["limit"]
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
