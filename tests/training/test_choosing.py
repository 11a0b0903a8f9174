"""By which measure the weights of a run are chosen, and how its classes are weighed."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from heedful.api.train import run
from heedful.data.batch import Batch
from heedful.schema import TrainSettings
from heedful.tasks.class_weights import class_weights
from heedful.tasks.label.clips import Loss
from heedful.tasks.recipes import build
from heedful.tasks.translate.learn import kind_of_targets
from heedful.training.progress import Quiet
from support.interrupted_training import Interruption, PowerCut, die, training_artifacts
from support.letter_pairs import short_recipe


class Notes(Quiet):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_a_best_of_another_measure_is_not_held_against_this_one(tmp_path: Path) -> None:
    """A version that chose by chrF left a run in the middle; its best, 90, would be no error rate to go below of."""
    network = build("translate", {"network.name": "gru", "network.size": "tiny", "network.width": 16}).network
    recipe, folder = short_recipe(tmp_path / "data", network, train__steps=9), tmp_path / "run"
    with pytest.raises(PowerCut):
        run(recipe, folder, Interruption({(False, 8)}, die))
    log = folder / "metrics.jsonl"
    log.write_text(log.read_text().replace('"symbol_error"', '"chrf"'))
    listener = Notes()
    run(recipe, folder, listener)
    assert "weights are chosen by symbol error from here on" in listener.notes
    last = training_artifacts(folder)
    assert last["best"] == last["valid"][-1]["values"]["symbol_error"] and last["best_step"] == 9


def test_balanced_classes_weigh_alike() -> None:
    labels = np.array([0] * 6 + [1] * 2 + [2])
    assert class_weights(labels, 3, TrainSettings()) is None
    weights = class_weights(labels, 3, TrainSettings(class_weights="balanced"))
    assert weights is not None
    torch.testing.assert_close(weights, torch.tensor([0.5, 1.5, 3.0]))
    torch.testing.assert_close(weights[torch.from_numpy(labels)].sum(), torch.tensor(9.0))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_of_steps_is_weighed_by_their_labels(smoothing: float) -> None:
    """Without weights, and with weights of one, it is the plain cross entropy; masked steps count nothing."""
    logits, labels = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(1)), torch.tensor([[0, 1, -1, 2]] * 2)
    batch = Batch({"source": logits, "lengths": torch.tensor([4, 4]), "labels": labels})
    weights = torch.tensor([1.0, 2.0, 0.5])

    def loss(weights: torch.Tensor | None) -> torch.Tensor:
        value, number = Loss(smoothing, 0.0, weights)(lambda source, lengths: source, batch)  # type: ignore[arg-type]
        assert number == 6
        return value

    torch.testing.assert_close(loss(None), loss(torch.ones(3)))
    true = labels.flatten().clamp_min(0)
    steps = F.cross_entropy(logits.flatten(0, 1), true, reduction="none", label_smoothing=smoothing)
    expected = sum(weights[label] * step for label, step in zip(labels.flatten(), steps, strict=True) if label >= 0)
    torch.testing.assert_close(loss(weights), torch.as_tensor(expected))


def test_targets_say_how_answers_are_scored() -> None:
    def kind(texts: list[str], tokenizer: str = "bpe") -> str:
        examples = [SimpleNamespace(references=(text,)) for text in texts]
        return kind_of_targets(SimpleNamespace(valid=examples, target=SimpleNamespace(kind=tokenizer)))  # type: ignore

    phones = ["HH AH L OW", "L OW", "HH OW L AH"] * 20
    assert kind(["1984", "7", "12"], "characters") == kind(["2024-01-31"] * 3) == "words"
    assert kind(phones, "symbols") == kind(phones, "characters") == "symbols"
    assert kind(["Guten Tag.", "Auf Wiedersehen.", "Ja."]) == kind(["a whole sentence stands here"] * 9) == "text"
