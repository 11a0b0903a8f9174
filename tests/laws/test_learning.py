"""Law 8, for every network of the lineage: it learns, as far as its row promises."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from heedful.api.train import run
from heedful.networks.settings import resolve
from heedful.schema import NetworkSettings
from heedful.tasks.joins import allowed
from heedful.training.progress import Quiet
from support.letter_pairs import LETTERS, Pairs, recipe, reverse, words
from support.sampling import sample

MOMENTS = 400  # steps


@dataclass(frozen=True)
class Promise:
    """What a row learns at size tiny within moments, and how. One vector holds short words only, that of an Elman
    network shorter ones still, and four LSTMs in a row have only begun by then: the point of the lineage.
    """

    longest: int  # letters of words that it copies and mirrors
    error: float  # percent of letters that may be wrong, of words never seen
    rate: float = 1e-2
    warmup: float = 0.05


PROMISES = {
    "rnn": Promise(longest=4, error=15, rate=5e-3),
    "lstm": Promise(longest=5, error=5),
    "gru": Promise(longest=5, error=5, warmup=0.2),
    "cho2014": Promise(longest=5, error=8),
    "sutskever2014": Promise(longest=3, error=15),
    "bahdanau2015": Promise(longest=9, error=3),
    "luong2015": Promise(longest=9, error=3, rate=5e-3, warmup=0.2),
    "vaswani2017": Promise(longest=9, error=3, rate=2e-3),
    "ssru2019": Promise(longest=9, error=3, rate=2e-3),
    "touvron2023": Promise(longest=9, error=4, rate=5e-3, warmup=0.2),
    "mingru2024": Promise(longest=9, error=3, rate=5e-3),
}


def learnt(folder: Path, name: str, train: Pairs, valid: Pairs, **changes: Any) -> dict[str, float]:
    """The scores of a row of size tiny on `valid`, after training on `train`."""
    network = resolve(NetworkSettings(name=name, size="tiny", dropout=0.0))
    settled = {
        "train__steps": MOMENTS,
        "train__learning_rate": PROMISES[name].rate,
        "train__warmup": PROMISES[name].warmup,
        "train__batch_tokens": 500,
        "train__average": 0.0,
        "train__label_smoothing": 0.0,
        "train__valid_every": MOMENTS,
        "generate__max_length": 12,
    }
    model = run(recipe(folder, network, train, valid, **settled | changes), folder / "run", Quiet())
    return {name: measure.value for name, measure in model.evaluate().measures.items()}


def test_every_row_promises() -> None:
    assert [*PROMISES] == allowed("translate")


@pytest.mark.parametrize("name", sample(allowed("translate"), 2))
def test_it_memorises(name: str, tmp_path: Path) -> None:
    """40 words and answers that have nothing to do with them: 99 of 100 letters."""
    pairs = list(zip(words(40, 6, seed=3), words(40, 6, seed=4), strict=True))
    assert learnt(tmp_path, name, pairs, pairs)["symbol_error"] <= 1


@pytest.mark.parametrize(("name", "job"), sample(product(allowed("translate"), (str, reverse)), 3))
def test_it_learns_as_far_as_it_promises(name: str, job: Callable[[str], str], tmp_path: Path) -> None:
    """To copy and to mirror words of up to so many letters, scored on words that it has not seen."""
    promise = PROMISES[name]
    count = min(2400, len(LETTERS) ** promise.longest * 2 // 3)
    pairs = [(word, job(word)) for word in words(count, promise.longest, seed=5)]
    assert learnt(tmp_path, name, pairs[100:], pairs[:100])["symbol_error"] <= promise.error


def test_one_vector_does_not_hold_what_attention_does(tmp_path: Path) -> None:
    """At nine letters, where the rows with attention keep their promise."""
    pairs = [(word, word) for word in words(2400, 9, seed=5)]
    assert learnt(tmp_path, "gru", pairs[100:], pairs[:100])["symbol_error"] > 2 * PROMISES["bahdanau2015"].error
