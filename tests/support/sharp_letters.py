"""Sharp networks that write letters backwards: sure of what they say after one step of training."""

from pathlib import Path

import torch

from heedful.api.model import Model
from heedful.api.train import run
from heedful.training.progress import Quiet
from support.letter_pairs import recipe, reverse, words
from support.tiny_networks import sharpen, tiny
from support.trained_models import first_trained


def sharp_model(folder: Path, name: str, **settings: object) -> Model:
    """A network of a row."""
    pairs = [(word, reverse(word)) for word in words(40, 5, seed=2)]
    job = recipe(folder, tiny(name, **settings), pairs[:30], pairs[30:], train__steps=1)
    with torch.enable_grad():
        model = run(job, folder / "run", Quiet())
    torch.manual_seed(0)
    sharpen(first_trained(model).network)
    return model
