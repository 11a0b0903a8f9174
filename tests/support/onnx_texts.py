"""Laws of what onnxruntime is given to go on with texts or to fill them: it says what the network says."""

from pathlib import Path

import numpy as np
import pytest
import torch
from onnxruntime import InferenceSession

from heedful.api.model import Model
from support.onnx_sessions import assert_close, initial_state, loop, run_session
from support.sampling import SEED
from support.trained_models import first_trained


@torch.no_grad()
def assert_continues(model: Model, folder: Path) -> None:
    """Asserts that the file says what the network says, token by token."""
    trained, step = first_trained(model), InferenceSession(folder / "step.onnx")
    limit, rng = trained.limit or 12, torch.Generator().manual_seed(SEED)
    for rows in (1, 4):
        tokens = torch.randint(0, trained.tokenizer.size, (rows, limit), generator=rng)
        order, half, logits = np.roll(np.arange(rows), 1), limit // 2, []
        state = initial_state(step, rows)
        for t in range(limit):
            if t == half:
                state, logits = (
                    {name: part[order] for name, part in state.items()},
                    [step_logits[order] for step_logits in logits],
                )
            outputs = run_session(step, state | {"tokens": tokens[:, t].numpy()})
            logits.append(outputs["logits"])
            state |= {name.removeprefix("new."): part for name, part in outputs.items()}
        reordered = torch.cat([tokens[order, :half], tokens[:, half:]], 1)
        assert_close(np.stack(logits, 1), trained.network.decoder.logits(trained.network(reordered)))


@torch.no_grad()
def assert_fills(model: Model, folder: Path) -> None:
    """Asserts that the file says what the network says, at all that is no padding."""
    trained, session = first_trained(model), InferenceSession(folder / "model.onnx")
    for lengths in (torch.tensor([trained.limit or 12, 1, 5]), torch.tensor([3])):
        source = torch.randint(0, trained.network.vocabulary, (len(lengths), int(lengths.max())))
        [logits] = run_session(session, {"source": source.numpy(), "lengths": lengths.numpy()}).values()
        real = torch.arange(source.size(1)) < lengths.unsqueeze(1)
        assert_close(logits[real.numpy()], trained.network.logits(trained.network(source, lengths))[real])


def assert_same_answers(model: Model, folder: Path, texts: list[str]) -> None:
    """Asserts that the loop of the docs gives the same guesses with the same probabilities."""
    for guesses_by_mask, text in zip(loop("fill")(str(folder), texts, 3), texts, strict=True):
        answers = model.answer([text], {"generate.n_best": 3, "generate.whole_words": False})[0]
        assert len(guesses_by_mask) == text.count("[MASK]")
        for index, guesses in enumerate(guesses_by_mask):
            assert [word or "▁" for word, _ in guesses] == [answer.tokens[index] for answer in answers]
            expected = [answer.track.probabilities[index][0] for answer in answers if answer.track]
            assert [probability for _, probability in guesses] == pytest.approx(expected, abs=1e-5)
