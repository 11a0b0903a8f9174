"""Graphs of a step, driven as a search drives them: of every row they say what the network says."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from heedful.engines.onnx_build import build
from heedful.engines.onnx_engine import OnnxEngine
from heedful.engines.onnx_graphs import writer_graphs
from heedful.engines.onnx_rows import ROOM
from heedful.engines.onnx_writing import pad
from heedful.engines.plain_writing import PlainSeq2Seq
from heedful.generation.stepper import Request, SpecialIds
from heedful.schema import NetworkSettings
from support import tiny_networks
from support.sampling import SEED, sample

BEAMS, STEPS = 3, 2 * ROOM + 4
TRACED = (6, 4, 3)
ONE = {"heads": 1}  # of 16 numbers, as what rotates asks for
FUSED = [
    tiny_networks.tiny(*parts, **settings)
    for *parts, settings in (
        ("vaswani2017", {}),
        ("vaswani2017", {"positions": "learned", "norm": "pre"}),
        ("vaswani2017", {"positions": "rotary", **ONE}),
        ("touvron2023", ONE),
    )
]
OTHERS = [tiny_networks.tiny("vaswani2017", heads=4), *tiny_networks.rows(), *tiny_networks.variants()]
"""Heads of four numbers have no fused operator; the others are whatever there is."""
networks = [*sample(FUSED, 1), *sample(OTHERS[:1], 1), *sample(OTHERS[1:], 1)]


@pytest.mark.parametrize("network", networks, ids=tiny_networks.label)
def test_whoever_comes_and_goes(network: NetworkSettings, tmp_path: Path) -> None:
    """Beams change places, sources join and leave, and answers outgrow the room that there was at first."""
    rng, special = np.random.default_rng(SEED), SpecialIds(tiny_networks.BEGIN, tiny_networks.END)
    model = tiny_networks.build(network)
    data = tiny_networks.batch(TRACED, TRACED)
    example = {"source": data.source, "lengths": data.source_lengths}
    build(writer_graphs(model, example, max(TRACED)), tmp_path)
    engines = (PlainSeq2Seq(model), OnnxEngine(tmp_path).writer())
    plain, graphs = (engine.stepper([engine], stacked, special) for engine in engines)  # pyright: ignore
    count = 0
    for step in range(STEPS):
        if step in (0, 5, 12, 18):
            lengths = rng.integers(1, 9, 3 if step else 5)
            sources = [rng.integers(tiny_networks.FIRST, tiny_networks.SOURCE_VOCABULARY, size) for size in lengths]
            requests = [Request(source, len(source), STEPS) for source in sources]
            for stepper in (plain, graphs):
                stepper.admit(requests, BEAMS)
            count += len(requests)
        if step in (9, 16, 25):
            stay = np.flatnonzero(rng.permutation(count) < count - 2)
            for stepper in (plain, graphs):
                stepper.keep(stay)
            count = len(stay)
        tokens = rng.integers(tiny_networks.FIRST, tiny_networks.TARGET_VOCABULARY, (count, BEAMS))
        expected, actual = (stepper.step_whole(tokens).guided.copy() for stepper in (plain, graphs))
        assert np.abs(actual - expected).max() <= 1e-4 * np.abs(expected).max(), step
        rows = np.arange(count)[:, None] * BEAMS + rng.integers(0, BEAMS, (count, BEAMS))
        for stepper in (plain, graphs):
            stepper.reorder(rows)


def stacked(sources: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return pad(sources), np.array([len(source) for source in sources])
