"""What `auto` means for a network: the widest that gets its steps, decided once."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from heedful import recipe as recipes
from heedful.api.choose import choose_network, settle
from heedful.api.run_folder import decided_in
from heedful.api.train import run
from heedful.schema import NetworkSettings, TrainSettings
from heedful.tasks.task import find_task
from heedful.training.choose import FEW_EPOCHS, HOPELESS, WIDTHS, Trial, choose, steps_wanted
from heedful.training.progress import Quiet

NETWORK = NetworkSettings(name="gru")
TRAIN = TrainSettings(batch_tokens=1024)


def trials(seconds_at_64: float, batches: int = 10**6) -> Callable[[NetworkSettings], Trial]:
    """Networks whose weights and steps cost as the square of their width."""

    def attempt(network: NetworkSettings) -> Trial:
        squared = (int(network.width) if network.width != "auto" else 256) ** 2
        return Trial(30 * squared, batches, lambda: seconds_at_64 * squared / 64**2)

    return attempt


def no_clock(network: NetworkSettings) -> Trial:
    def fail() -> float:
        raise AssertionError("a budget in steps needs no clock")

    return Trial(1, 10**6, fail)


@given(st.floats(0.05, 100), st.floats(1e-4, 1))
def test_the_widest_that_gets_its_steps(minutes: float, seconds: float) -> None:
    network = choose(NETWORK, replace(TRAIN, minutes=minutes), "", trials(seconds)).network

    def gets_steps(width: int) -> bool:
        return minutes * 60 / (seconds * (width / 64) ** 2) >= steps_wanted(width)

    fitting = [width for width in WIDTHS if gets_steps(width)] or [WIDTHS[0]]
    assert network.width == fitting[-1]
    assert network.size == ("base" if fitting[-1] >= 512 else "small" if fitting[-1] >= 256 else "tiny")


@given(st.integers(1, 10**6))
def test_a_budget_in_steps_is_decided_by_it_alone(steps: int) -> None:
    network = choose(NETWORK, replace(TRAIN, steps=steps), "", no_clock).network
    assert network.width == max([width for width in WIDTHS if steps >= steps_wanted(width)] or [WIDTHS[0]])


def test_few_rows_get_a_narrow_network_and_dropout() -> None:
    train = replace(TRAIN, minutes=1000)
    few, many = (choose(NETWORK, train, "", trials(0.01, batches)).network for batches in (5, 10**9))
    assert (few.width, few.dropout) == (64, "auto") and (many.width, many.dropout) == (512, 0.0)
    steps = replace(TRAIN, steps=800)
    for batches, dropout in ((800 // FEW_EPOCHS, "auto"), (800 // FEW_EPOCHS + 1, 0.0)):
        assert choose(NETWORK, steps, "", trials(1, batches)).network.dropout == dropout


@pytest.mark.parametrize("named", [{"size": "small"}, {"width": 256}])
def test_what_is_named_is_taken_and_told_if_it_cannot_come_to_anything(named: dict[str, object]) -> None:
    network, wanted = replace(NETWORK, dropout=0.3, **named), steps_wanted(256)  # pyright: ignore[reportArgumentType]
    for steps, told in ((wanted / HOPELESS * 0.9, True), (wanted / HOPELESS * 1.1, False)):
        choice = choose(network, replace(TRAIN, minutes=steps * 16 / 60), "", trials(1.0))
        assert choice.network == network
        assert any(line.startswith("few steps") for line in choice.lines) == told


def test_a_run_goes_on_with_what_it_decided(tmp_path: Path) -> None:
    """Also where the software would decide otherwise by now, or the same command says less than the run's recipe."""
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("".join(f"{word} {word}\t{word}\n" for word in map(str, range(100, 160))))
    asked = recipes.build("translate", {"data.train": [str(pairs)], "train.steps": 2, "train.threads": 1})
    folder = tmp_path / "run"
    run(asked, folder, Quiet())
    path = folder / recipes.COMPLETE
    text = path.read_text()
    assert 'name = "bahdanau2015"' in text and "width = 64" in text and 'optimizer = "muon"' in text
    path.write_text(text.replace("warmup = 0.1", "warmup = 0.25"))
    decided = decided_in(folder, asked)
    assert decided and (decided.network.name, decided.train.warmup) == ("bahdanau2015", 0.25)
    assert decided_in(folder, recipes.build("translate", {"network.name": "gru"})) is None
    before = (folder / "model.safetensors").read_bytes()
    assert run(asked, folder, Quiet()).recipe.train.warmup == 0.25
    assert (folder / "model.safetensors").read_bytes() == before


def test_a_setting_that_the_usual_row_lacks_takes_the_row_that_has_it(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("".join(f"{word} {word}\t{word}\n" for word in map(str, range(100, 160))))
    settings = {"data.train": [str(pairs)], "train.steps": 1, "train.threads": 1, "network.heads": 2}
    assert run(recipes.build("translate", settings), tmp_path / "run", Quiet()).recipe.network.name == "vaswani2017"


@pytest.mark.parametrize(("epochs", "dropout"), [(7, 0.0), (29, 0.1), (30, 0.4)])
def test_a_text_that_is_read_often_is_read_with_more_dropout(tmp_path: Path, epochs: int, dropout: float) -> None:
    text = tmp_path / "text.txt"
    text.write_text("a b c d e f g h\n" * 200)
    asked = recipes.build("complete", {"data.train": [str(text)], "train.epochs": epochs, "train.threads": 1})
    learning = find_task("complete").learning
    data = learning.prepare(settle(learning, asked), tmp_path / "run", lambda line: None)
    network = choose_network(learning, asked, data)[0].network
    assert (network.name, network.dropout) == ("lstm", dropout)


def test_few_pictures_are_read_by_convolutions_alone(tmp_path: Path) -> None:
    """They are mixed if they are seen often enough. Who names a row gets it, with pictures that are not mixed."""
    for number in range(12):
        path = tmp_path / f"pictures/{number % 2}/{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((32, 32, 3), 20 * number, np.uint8)).save(path)
    settings = {"data.train": [str(tmp_path / "pictures")], "train.epochs": 30, "train.threads": 1}
    asked, learning = recipes.build("classify", settings), find_task("classify").learning
    data = learning.prepare(settle(learning, asked), tmp_path / "run", lambda line: None)
    chosen = learning.resolve_for_data(choose_network(learning, asked, data)[0], data)
    assert (chosen.network.name, chosen.network.stem, chosen.network.patch, chosen.train.mix) == ("frame", 3, 1, 0.5)
    tiny = recipes.build("classify", settings | {"data.picture": 8})
    small = learning.prepare(settle(learning, tiny), tmp_path / "small", lambda line: None)
    assert choose_network(learning, tiny, small)[0].network.name == "bahdanau2015"
    others = (
        ("network.name", "vit", "vit", "auto"),
        ("train.mix", 0.0, "frame", 0.0),
        ("train.epochs", 29, "frame", "auto"),
    )
    for key, value, row, mix in others:
        named = choose_network(learning, recipes.build("classify", settings | {key: value}), data)[0]
        assert (named.network.name, named.train.mix) == (row, mix)


@pytest.mark.parametrize(
    ("steps", "width", "row"), [(799, 128, "bahdanau2015"), (800, 96, "touvron2023"), (2000, 256, "bahdanau2015")]
)
def test_captions_with_many_steps_are_a_transformer_s(tmp_path: Path, steps: int, width: int, row: str) -> None:
    for number in range(12):
        Image.fromarray(np.full((32, 32, 3), 20 * number, np.uint8)).save(tmp_path / f"{number}.png")
    (tmp_path / "rows.csv").write_text("file_name,text\n" + "".join(f"{n}.png,a grey {n % 3}\n" for n in range(12)))
    settings = {"data.train": [str(tmp_path / "rows.csv")], "train.steps": steps, "train.threads": 1}
    asked, learning = recipes.build("caption", settings | {"network.width": width}), find_task("caption").learning
    data = learning.prepare(settle(learning, asked), tmp_path / "run", lambda line: None)
    assert choose_network(learning, asked, data)[0].network.name == row


def test_a_budget_that_holds_too_few_steps_of_any_width_tells_how_long_it_would_take() -> None:
    lines = choose(NETWORK, replace(TRAIN, minutes=1), "", trials(1.0)).lines
    assert any(line.startswith("why: no width gets the steps that it wants") for line in lines)
    assert lines[-1] == "few steps: this may come to nothing; --minutes 6 would hold what even this width wants"
    assert not any("few steps" in line for line in choose(NETWORK, replace(TRAIN, minutes=6), "", trials(1.0)).lines)
