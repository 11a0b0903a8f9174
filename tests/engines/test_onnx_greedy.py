"""A step as a loop: its answers are those of the search, by the network itself."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from heedful.engines.onnx_build import build
from heedful.engines.onnx_engine import OnnxEngine
from heedful.engines.onnx_graphs import writer_graphs
from heedful.engines.onnx_writing import OnnxSeq2Seq, pad
from heedful.engines.plain_writing import PlainSeq2Seq
from heedful.generation.greedy import AT_ONCE, TOGETHER, is_greedy, write_all
from heedful.generation.rules import Rules
from heedful.generation.search import Search
from heedful.generation.stepper import Request, SpecialIds
from heedful.schema import GenerateSettings, NetworkSettings
from support import tiny_networks
from support.sampling import SEED, sample

LENGTHS = (6, 4, 3)
NETWORKS = [*tiny_networks.rows(), *tiny_networks.variants()]
BY_CELLS, OTHERS = ([network for network in NETWORKS if (network.cell == "auto") == other] for other in (False, True))
GREEDY = GenerateSettings(beam=1, length_penalty=0.6)


@pytest.mark.parametrize("network", [*sample(BY_CELLS, 1), *sample(OTHERS, 1)], ids=tiny_networks.label)
def test_it_writes_what_the_search_finds(network: NetworkSettings, tmp_path: Path) -> None:
    """More requests than are written together, answers that end early, late, and not at all."""
    model, data = tiny_networks.build(network), tiny_networks.batch(LENGTHS, LENGTHS)
    build(writer_graphs(model, {"source": data.source, "lengths": data.source_lengths}, max(LENGTHS)), tmp_path)
    plain, graphs = PlainSeq2Seq(model), OnnxEngine(tmp_path).writer()
    assert isinstance(graphs, OnnxSeq2Seq)
    begin = graphs.greedy(stacked)
    grows = any(name.startswith(("read.", "buffer.")) for name in graphs.decoder.inputs)
    assert (begin is None) == grows and not (grows and network.cell != "auto")
    if begin is None:
        return
    rng = np.random.default_rng(SEED)
    sources = [
        rng.integers(tiny_networks.FIRST, tiny_networks.SOURCE_VOCABULARY, size)
        for size in rng.integers(1, 9, TOGETHER + 9)
    ]
    longest = rng.integers(1, 3 * AT_ONCE, len(sources)).tolist()
    requests = [Request(source, len(source), most) for source, most in zip(sources, longest, strict=True)]
    end = tiny_networks.END
    for suppressed in ((), (tiny_networks.FIRST,)):
        special = SpecialIds(tiny_networks.BEGIN, end, suppressed)
        found = Search(plain.stepper([plain], stacked, special), GREEDY, Rules()).run(requests)
        written = write_all(begin, requests, GREEDY, special)
        for [ours], [theirs] in zip(written, found, strict=True):
            assert (ours.tokens, ours.complete) == (theirs.tokens, theirs.complete)
            assert (ours.score, ours.normalised) == pytest.approx((theirs.score, theirs.normalised), abs=1e-4)
        # what is written often is the end of the next ones, so that answers end
        often = Counter(token for [each] in found for token in each.tokens[1:]).most_common(1)
        end = often[0][0] if often else end


def test_what_is_greedy() -> None:
    assert is_greedy(GREEDY)
    for other in ({"beam": 2}, {"n_best": 2}, {"sample": True}, {"prefix": "a"}, {"close": True}, {"shortlist": 5}):
        assert not is_greedy(replace(GREEDY, **other))


def stacked(sources: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return pad(sources), np.array([len(source) for source in sources])
