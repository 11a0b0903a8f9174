"""Which network a run takes where its recipe leaves it open: a row by the data, a width by steps that are timed."""

from dataclasses import replace

from heedful.errors import HeedfulError
from heedful.schema import NetworkSettings, Recipe
from heedful.tasks.learning import AnyLearning
from heedful.tasks.models import PreparedData
from heedful.tasks.usual import UsualRow
from heedful.training import decide
from heedful.training.choose import MANY_EPOCHS, Choice, Trial, choose
from heedful.training.speed import seconds_per_step


def settle(learning: AnyLearning, recipe: Recipe) -> Recipe:
    """The recipe with everything decided that needs no data."""
    recipe = learning.resolve(recipe)
    return replace(recipe, train=decide.resolve(recipe.train, tuned=bool(recipe.start)))


def on_machine_of(recipe: Recipe, asked: Recipe) -> Recipe:
    """The recipe as it was asked, with what was decided for this machine in `recipe`: it is looked at once."""
    keys = ("minutes", "device", "threads")
    return replace(asked, train=replace(asked.train, **{key: getattr(recipe.train, key) for key in keys}))


def choose_network(learning: AnyLearning, asked: Recipe, data: PreparedData) -> tuple[Recipe, tuple[str, ...]]:
    """The recipe as it was asked with its network decided for the data and the budget, and what is to be said of it."""
    usual = learning.usual_row(data)
    if usual.later and asked.network.name == "auto":
        recipe, choice = choose_by(usual.later, learning, asked, data)
        if choice.is_well_fed and recipe.network.name == usual.later.name:
            return recipe, choice.lines
    recipe, choice = choose_by(usual, learning, asked, data)
    return recipe, choice.lines


def choose_by(usual: UsualRow, learning: AnyLearning, asked: Recipe, data: PreparedData) -> tuple[Recipe, Choice]:
    """The same by one usual row."""
    asked = decide.batches(asked, usual.batch_tokens) if usual.batch_tokens else asked
    network = in_row(asked.network, usual) if asked.network.name == "auto" else asked.network
    try:
        first = settle(learning, replace(asked, network=network))
    except HeedfulError:  # it lacks a setting that is asked for; the task's own row, by which it was settled, has it
        first = settle(learning, asked)
        network = replace(asked.network, name=first.network.name)
    is_usual = asked.network.name == "auto" and network.name == usual.name
    stage = learning.first(learning.build(learning.resolve_for_data(first, data), data), data, first)
    train = stage.remaining if stage else first.train

    def attempt(candidate: NetworkSettings) -> Trial:
        return trial_of(learning, settle(learning, replace(asked, network=candidate)), data)

    choice = choose(network, train, usual.reason if is_usual else "", attempt)
    network = choice.network
    if is_usual and choice.epochs >= MANY_EPOCHS:
        asked = decide.mixes(asked, usual.mix) if usual.mix else asked
        network = replace(network, dropout=usual.dropout) if usual.dropout and network.dropout == "auto" else network
    chosen = settle(learning, replace(asked, network=network))
    if asked.train.precision == "auto" and asked.train.minutes is not None:
        chosen = faster_precision(learning, chosen, data)
    return chosen, choice


def in_row(network: NetworkSettings, row: UsualRow) -> NetworkSettings:
    """The network in a row, with the settings that suit it where they are open."""
    suits = {key: value for key, value in row.settings.items() if getattr(network, key) == "auto"}
    return replace(network, name=row.name, **suits)


def trial_of(learning: AnyLearning, recipe: Recipe, data: PreparedData) -> Trial:
    """A recipe's network before its first step."""
    recipe = learning.resolve_for_data(recipe, data)
    model = learning.build(recipe, data)
    work = learning.work(model, learning.fit(model, data, recipe)[0], recipe)
    weights = sum(weight.numel() for weight in model.network.parameters())
    return Trial(weights, len(work.plan(0)), lambda: seconds_per_step(work, recipe.train))


def faster_precision(learning: AnyLearning, recipe: Recipe, data: PreparedData) -> Recipe:
    """The recipe in float32, if reduced precision makes no step faster here: small networks only pay for its casts."""
    plain = replace(recipe, train=replace(recipe.train, precision="float32"))
    if plain == recipe or recipe.train.device != "cpu":
        return recipe
    reduced_time, plain_time = (trial_of(learning, option, data).seconds() for option in (recipe, plain))
    return plain if plain_time <= reduced_time else recipe
