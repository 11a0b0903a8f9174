"""Laws of what onnxruntime is given to go on with texts or to fill them: it says what the network says."""

from pathlib import Path

import numpy as np
import pytest
import torch
from onnxruntime import InferenceSession

from heedful.api import Model
from support.inside import inside
from support.onnx_sessions import asked, assert_close, blank, loop
from support.sampling import SEED


@torch.no_grad()
def goes_on(model: Model, folder: Path) -> None:
    """Asserts that the file says what the network says, token by token."""
    trained, step = inside(model), InferenceSession(folder / "step.onnx")
    limit, luck = trained.limit or 12, torch.Generator().manual_seed(SEED)
    for rows in (1, 4):
        tokens = torch.randint(0, trained.tokenizer.size, (rows, limit), generator=luck)
        order, half, found = np.roll(np.arange(rows), 1), limit // 2, []
        state = blank(step, rows)
        for t in range(limit):
            if t == half:
                state, found = {name: part[order] for name, part in state.items()}, [one[order] for one in found]
            told = asked(step, state | {"tokens": tokens[:, t].numpy()})
            found.append(told["logits"])
            state |= {name.removeprefix("new."): part for name, part in told.items()}
        read = torch.cat([tokens[order, :half], tokens[:, half:]], 1)
        assert_close(np.stack(found, 1), trained.network.decoder.logits(trained.network(read)))


@torch.no_grad()
def fills(model: Model, folder: Path) -> None:
    """Asserts that the file says what the network says, at all that is no padding."""
    trained, session = inside(model), InferenceSession(folder / "model.onnx")
    for lengths in (torch.tensor([trained.limit or 12, 1, 5]), torch.tensor([3])):
        source = torch.randint(0, trained.network.vocabulary, (len(lengths), int(lengths.max())))
        [logits] = asked(session, {"source": source.numpy(), "lengths": lengths.numpy()}).values()
        real = torch.arange(source.size(1)) < lengths.unsqueeze(1)
        assert_close(logits[real.numpy()], trained.network.logits(trained.network(source, lengths))[real])


def answers_alike(model: Model, folder: Path, texts: list[str]) -> None:
    """Asserts that the loop of the docs gives the same guesses with the same probabilities."""
    for found, text in zip(loop("fill")(str(folder), texts, 3), texts, strict=True):
        answers = model.answer([text], {"generate.n_best": 3})[0]
        assert len(found) == text.count("[MASK]")
        for place, guesses in enumerate(found):
            assert [word or "▁" for word, _ in guesses] == [one.tokens[place] for one in answers]
            shares = [one.track.probabilities[place][0] for one in answers if one.track]
            assert [share for _, share in guesses] == pytest.approx(shares, abs=1e-5)
