"""The commands, with a line of help each: all that `heedful --help` reads. No torch, no pydantic, no typer."""

from typing import NamedTuple

from heedful.tasks import TASKS


class Command(NamedTuple):
    """A command: `heedful.cli.<name>.run` is what it does; a task without such a module has that of `cli/verb.py`."""

    name: str
    help: str


COMMANDS = (
    Command("demo", "Learn to pronounce English four ways, in about six minutes, and compare them."),
    Command("train", "Train a network on your data, or resume training."),
    *(Command(verb, help) for verb, help in TASKS.items()),
    Command("evaluate", "Score a trained model with intervals and a baseline; --against another."),
    Command("compare", "Train several networks with the same budget and compare them."),
    Command("distil", "Teach a small network by the answers of a large one, and compare the two."),
    Command("check", "Check data before training."),
    Command("explain", "Show why a model gave its answer: what it looked at, and what each part adds."),
    Command("study", "Ask by experiment why the field moved; guess first, then see the curve."),
    Command("export", "Write a trained model to share it, or for other engines."),
    Command("info", "The shape, weights and memory of a run or a network."),
    Command("networks", "The history of the field as a table: what each network added."),
    Command("recipes", "List, show and copy the built-in recipes; print every key."),
)
