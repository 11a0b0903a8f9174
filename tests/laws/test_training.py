"""The laws of training, for every network of the lineage: saved = live, same seed = same weights.

That resumed = uninterrupted is in test_resuming.py, that it learns in test_learning.py.
"""

import hashlib
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import heedful
from heedful.api.loading import at_hand
from heedful.api.train import run
from heedful.schema import NetworkSettings, Recipe
from heedful.tasks.translate import TASK
from heedful.training.checkpoint import weights_of
from heedful.training.progress import Quiet
from support.letter_pairs import recipe, reverse, short_recipe, words
from support.sampling import sample
from support.tiny_networks import label, rows, sharpen, tiny, variants
from support.trained_models import first_trained

# Law 5: saved = live.


@pytest.fixture(scope="module", params=[False, True], ids=["apart", "shared"])
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Recipe, Any]:
    """A recipe and its data, whose two sides have a vocabulary each, or one."""
    folder = tmp_path_factory.mktemp("data")
    pairs = [(word, reverse(word)) for word in words(30, 4, seed=0)]
    base = recipe(folder, tiny("gru"), pairs, pairs[:5], data__shared_tokenizer=request.param)
    return base, TASK.learning.prepare(base, folder, lambda text: None, None)


@pytest.mark.parametrize("network", [*rows(), *sample(variants(), 8)], ids=label)
def test_saved_is_live(network: NetworkSettings, prepared: tuple[Recipe, Any], tmp_path: Path) -> None:
    """Loaded, it gives the same answers with the same scores; saved again, the same bytes."""
    settings = replace(prepared[0], network=network)
    translator = TASK.learning.build(settings, prepared[1])
    sharpen(translator.network)
    live = at_hand(tmp_path, settings, translator)
    live.save(tmp_path / "one")
    loaded = heedful.load(tmp_path / "one")
    loaded.save(tmp_path / "two")
    assert files(tmp_path / "one") == files(tmp_path / "two")
    assert {"config.json", "model.safetensors", "recipe.toml"} < files(tmp_path / "one").keys()
    ours, theirs = (weights_of(first_trained(model).network) for model in (live, loaded))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    sources = words(12, 6, seed=1)
    for changes in ({"generate.beam": 3, "generate.n_best": 3}, {"generate.sample": True}):
        assert loaded.answer(sources, changes) == live.answer(sources, changes)


def files(folder: Path) -> dict[str, str]:
    """The sha256 of each file."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.is_file()}


# Law 7: same seed, same weights.


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more processes than there are cores
@pytest.mark.parametrize("network", rows(dropout=0.2), ids=label)
def test_a_seed_decides_the_weights(network: NetworkSettings, tmp_path: Path) -> None:
    """To the byte, whatever the process did before, and however many workers prepare the batches."""

    def weights(name: str, **changes: Any) -> str:
        recipe = short_recipe(tmp_path / "files", network, train__steps=8, **changes)
        run(recipe, tmp_path / name, Quiet())
        return files(tmp_path / name)["model.safetensors"]

    first = weights("first")
    torch.manual_seed(123)
    random.seed(123)
    for workers in (0, *sample((2, 4), 1)):
        assert weights(f"workers {workers}", train__workers=workers) == first
    assert weights("other", seed=1) != first
