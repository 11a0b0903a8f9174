"""Every method on every task and row that has it, and none on those that have not: the table is true."""

from pathlib import Path

import pytest
import torch

from heedful.api.model import Model
from heedful.api.train import run
from heedful.errors import HeedfulError
from heedful.explain.methods import METHODS, explain
from heedful.explain.table import methods_of
from heedful.explanations import METHOD_NAMES
from heedful.tasks.joins import allowed
from heedful.training.progress import Quiet
from support.letter_pairs import short_recipe
from support.sampling import SEED, sample
from support.tiny_networks import tiny
from support.tiny_tasks import CASES, recipe, write_data

ALL = [*CASES, *(("translate", name) for name in allowed("translate"))]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return write_data(tmp_path_factory.mktemp("files"), SEED)


def trained(files: dict[str, str], folder: Path, task: str, network: str) -> Model:
    """A tiny model after three steps."""
    if task == "translate":
        return run(short_recipe(folder / "pairs", tiny(network), train__steps=3), folder / "run", Quiet())
    return run(recipe(files, task, network), folder / "run", Quiet())


def test_methods_have_the_names_that_commands_know() -> None:
    assert tuple(METHODS) == METHOD_NAMES


@pytest.mark.parametrize(("task", "network"), sample(ALL, 6))
def test_the_table_is_true(task: str, network: str, files: dict[str, str], tmp_path: Path) -> None:
    """Maps fit their units, shares sum to 1, integrated gradients are complete, and what is lacking is refused."""
    model = trained(files, tmp_path, task, network)
    source = model.prompts([example.source for example in model.read()])[0]
    trace = model.trace(source)
    for name in METHODS:
        if name not in methods_of(task, network):
            with pytest.raises(HeedfulError, match="cannot explain this network"):
                explain(task, trace, name)
            continue
        explanation = explain(task, trace, name, faithfulness=False)
        assert explanation.maps
        for map_ in explanation.maps:
            weights = torch.tensor([[*row] for row in map_.weights])
            assert weights.shape == (len(explanation.units[map_.rows]), len(explanation.units[map_.columns]))
            assert weights.isfinite().all() and set(map_.answers) <= set(range(len(weights)))
            if map_.scale == "shares":
                assert torch.allclose(weights.sum(1), torch.ones(len(weights)), atol=1e-4)
            elif map_.scale == "openings":
                assert weights.min() >= 0 and weights.max() <= 1
