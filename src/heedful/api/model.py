"""A trained network with its preprocessing: what is asked, scored, explained and shared."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from heedful import hub
from heedful import recipe as recipes
from heedful.api.locate import is_published, located
from heedful.data.readers.rows import count
from heedful.errors import HeedfulError
from heedful.metrics.counts import PRIMARY
from heedful.metrics.significance import paired
from heedful.results import Alignment, Answer, Example, Paired, Scores
from heedful.schema import GenerateSettings, Recipe
from heedful.tasks import TASKS, task
from heedful.tasks.match import search as searching
from heedful.tasks.match.vectors import Vectors
from heedful.tasks.recipes import change
from heedful.training.checkpoint import put_weights, read_tensors, weights_of, write_file, write_tensors
from heedful.training.progress import terminal

FORMAT = 1
ALIGNED = ("translate",)
"""Tasks that make one text of another."""


@dataclass(frozen=True)
class Model:
    """A model, or several that answer together (an ensemble: `heedful.load("runs/a", "runs/b")`).

    model = heedful.load("runs/demo/vaswani2017")
    model.predict(["heedful"])                        # ["HH IY D F AH L"]
    """

    folder: Path
    recipe: Recipe
    trained: tuple[Any, ...]  # what the task's file calls a trained network

    @property
    def task(self) -> str:
        return self.recipe.task

    def predict(self, inputs: Sequence[str], **generate: Any) -> list[str]:
        """The best answer to each input; keywords are keys of the recipe's generate section (beam=8)."""
        return [
            found[0].output for found in self.answer(inputs, {f"generate.{key}": generate[key] for key in generate})
        ]

    def answer(self, inputs: Sequence[str], changes: dict[str, Any] | None = None) -> list[list[Answer]]:
        """The n best answers to each input, with scores; `changes` as {"generate.beam": 8}."""
        settings = change(self.recipe, changes or {}).generate
        return task(self.task).answer(self.trained, inputs, settings)

    def continued(
        self, text: str, changes: dict[str, Any] | None = None, tell: Callable[[str], object] | None = None
    ) -> list[list[Answer]]:
        """How a text goes on, by a model of `complete`; `tell` is given a single answer as it is written."""
        if self.task != "complete":
            raise HeedfulError(f"{self.folder} was trained to {self.task}: it continues no texts.")
        settings = change(self.recipe, changes or {}).generate
        return task("complete").answer(self.trained, [text], settings, tell)

    def among(
        self, inputs: Sequence[str], texts: Sequence[str], changes: dict[str, Any] | None = None
    ) -> list[list[Answer]]:
        """The n best of `texts` (none: those of training) for each picture, or each of a folder, by a model of `match`.

        An answer's score is the logarithm of its share among the texts.
        """
        settings = self.searching(changes)
        with terminal() as listener:
            return searching.among(self.trained, inputs, texts, settings, listener)

    def search(
        self,
        texts: Sequence[str],
        pictures: Sequence[str] | str,
        n: int = 5,
        changes: dict[str, Any] | None = None,
    ) -> list[list[Answer]]:
        """The n pictures nearest to each text, by a model of `match`, with their cosines; folders' vectors are kept.

        model.search(["a red bicycle"], "photos/")[0][0].output      # "photos/0412.jpg"
        """
        settings = self.searching({"generate.n_best": n} | (changes or {}))
        places = [pictures] if isinstance(pictures, str) else pictures
        with terminal() as listener:
            return searching.search(self.trained, texts, places, settings, listener)

    def embed(
        self,
        inputs: Sequence[str],
        kind: Literal["pictures", "texts"] = "pictures",
        changes: dict[str, Any] | None = None,
    ) -> Vectors:
        """Unit vectors of pictures (of folders: all in them), or of texts, by a model of `match`: `names`, `values`."""
        settings = self.searching(changes)
        with terminal() as listener:
            return searching.embed(self.trained, inputs, kind == "texts", settings, listener)

    def searching(self, changes: dict[str, Any] | None) -> GenerateSettings:
        """How a model of `match` is asked; raises HeedfulError for another."""
        if self.task != "match":
            raise HeedfulError(f"{self.folder} was trained to {self.task}: it has no space for pictures and texts.")
        return change(self.recipe, changes or {}).generate

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """The log probability of each (input, output)."""
        return task(self.task).score(self.trained, pairs)

    def evaluate(self, files: Sequence[str] | str | None = None, changes: dict[str, Any] | None = None) -> Scores:
        """Scores with 95 % intervals beside the baseline, on files, or on the run's own test (else valid) set."""
        recipe = change(self.recipe, changes or {})
        return self.scored(self.examples(files, recipe), recipe)

    def scored(self, some: Sequence[Example], recipe: Recipe) -> Scores:
        """Scores on given examples; the baseline needs the run's training data and is left out where that is gone."""
        module = task(self.task)
        prepared = self.prepared()
        scores = module.evaluate(self.trained, some, recipe.generate, prepared=prepared)
        if prepared is None:
            return scores
        name, measures = module.baseline(self.trained[0], prepared, some)
        return replace(scores, baseline_name=name, baseline=measures)

    def judged(
        self, judge: "Model", files: Sequence[str] | str | None = None, changes: dict[str, Any] | None = None
    ) -> Scores:
        """What a model of `match` takes this one's drawings for, beside real pictures and exchanged drawings."""
        if self.task != "draw" or judge.task != "match":
            raise HeedfulError(
                f"{judge.folder} ({judge.task}) cannot judge {self.folder} ({self.task}).",
                "A run of match judges a run of draw: heedful evaluate DRAWN --judge MATCHED.",
            )
        recipe = change(self.recipe, changes or {})
        return task("draw").judged(self.trained, self.examples(files, recipe), recipe.generate, judge.trained)

    def examples(self, files: Sequence[str] | str | None, recipe: Recipe) -> list[Example]:
        """The examples of files, read as the recipe says, or the run's own; raises HeedfulError if there are none."""
        if files:
            skipped: list[Any] = []
            some = [files] if isinstance(files, str) else list(files)
            found = task(self.task).examples(self.trained[0], some, recipe.data, skipped.append)
            if skipped:
                first = f"{skipped[0].where}: {skipped[0].problem}"
                print(f"left out: {count(len(skipped), 'bad row')} (first: {first})", file=sys.stderr)
            return found
        prepared = self.prepared()
        if prepared is None:
            raise HeedfulError(f"{self.folder} holds no data of its own.", "Name a file to score it on.")
        return prepared.test or prepared.valid

    def prepared(self) -> Any | None:
        """The data that the run was trained on, if it is still in its folder."""
        return task(self.task).opened(self.folder)

    def against(
        self, other: "Model", files: Sequence[str] | str | None = None, changes: dict[str, Any] | None = None
    ) -> Paired:
        """Whether this model is better than another on the same examples: a paired test."""
        recipe = change(self.recipe, changes or {})
        some, module, prepared = self.examples(files, recipe), task(self.task), self.prepared()
        sides = [
            module.evaluate(one.trained, some, recipe.generate, samples=0, prepared=prepared) for one in (self, other)
        ]
        mine, theirs = ([case.output for case in side.cases] for side in sides)
        kind = module.kind(self.trained[0])
        return paired(mine, theirs, [case.references for case in sides[0].cases], kind, PRIMARY[kind])

    def prompts(self, texts: Sequence[str]) -> Sequence[str]:
        """What a model is asked with to show what it does: these, or what its task makes of them."""
        module = task(self.task)
        return module.prompts(self.trained[0], texts) if hasattr(module, "prompts") else texts

    @property
    def explains(self) -> bool:
        """Whether this task can show what an answer looked at."""
        return hasattr(task(self.task), "explain")

    @property
    def aligns(self) -> bool:
        """Whether its answers stand beside a source that reports draw them with."""
        return self.task in ALIGNED

    def prints(self, scores: Scores) -> Mapping[str, bytes]:
        """Pictures of scored examples as PNG files by reference, where the task has pictures."""
        module = task(self.task)
        return module.prints(self.trained[0], scores) if hasattr(module, "prints") else {}

    def returned(self, scores: Scores) -> Mapping[str, bytes]:
        """The same pictures as codes give them back, where answers are made of codes."""
        module = task(self.task)
        return module.returned(self.trained[0], scores) if hasattr(module, "returned") else {}

    def explain(self, text: str, output: str | None = None) -> Alignment:
        """What each token of the answer (or of a given output) looked at."""
        if not self.explains:
            can = ", ".join(name for name in TASKS if hasattr(task(name), "explain"))
            raise HeedfulError(f"What a model looked at to {self.task} cannot be shown.", f"It can for: {can}.")
        return task(self.task).explain(self.trained[0], text, output, self.recipe.generate)

    def save(self, folder: Path | str) -> None:
        """Writes what `load` needs: config.json, model.safetensors, tokenizers and recipe.toml."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_model(folder, self.recipe, self.trained[0])

    @property
    def weights(self) -> int:
        """How many numbers were learnt; tied ones count once."""
        return sum(weight.numel() for weight in self.trained[0].network.parameters())


def load(*folders: Path | str) -> Model:
    """The model of a run, of a folder in the Hugging Face format, or of its hub by name; several answer together.

    Raises HeedfulError for what is not a whole run, and for models that cannot answer together.
    """
    parts = [load_one(Path(part)) for folder in folders for part in str(folder).split(",")]
    first = parts[0]
    for other in parts[1:]:
        if other.task != first.task or not task(first.task).together(first.trained[0], other.trained[0]):
            raise HeedfulError(
                f"{first.folder} and {other.folder} cannot answer together: task or vocabularies differ.",
                "An ensemble is made of runs on the same data: the same recipe with another seed or network.",
            )
    return replace(first, trained=tuple(model for part in parts for model in part.trained))


def load_one(name: Path) -> Model:
    """One model: of a run, of a folder in the Hugging Face format, or of the hub as openai-community/gpt2."""
    folder = located(name)
    if is_published(folder):
        from heedful.tasks import published  # all tasks at once

        recipe, trained = published.trained(hub.open(folder), str(name))
        return Model(name, recipe, (trained,))
    config = read_config(folder)
    recipe = recipes.load(folder / "recipe.toml")
    trained = task(config["task"]).load(config, folder)
    path = folder / "model.safetensors"
    if not path.exists():
        raise HeedfulError(
            f"{folder} has no model.safetensors yet: its training was stopped too early.", goes_on(folder)
        )
    put_weights(trained.network, read_tensors(path), folder)
    return Model(folder, recipe, (trained,))


def read_config(folder: Path) -> dict[str, Any]:
    """config.json of a run; raises HeedfulError that names the runs there are."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except OSError:
        if (folder / recipes.ASKED).exists():
            cure = f"heedful train {folder / recipes.ASKED} -o {folder}"
            raise HeedfulError(f"{folder} is no model yet: its data were still being prepared.", cure) from None
        runs = sorted(path.parent for path in Path("runs").glob("**/config.json"))
        cure = f"Runs here: {', '.join(map(str, runs))}." if runs else "There are no runs here yet."
        if len(folder.parts) == 1 and not folder.exists():
            cure += "\nA published model is named with its owner, as openai-community/gpt2."
        raise HeedfulError(f"{folder} is not a run.", cure) from None
    except ValueError as error:
        raise HeedfulError(f"{folder / 'config.json'} cannot be read: {error}.") from None
    if not isinstance(config, dict):
        raise HeedfulError(f"{folder / 'config.json'} holds no table of settings.")
    if config.get("library") != "heedful" or config.get("format") != FORMAT:
        raise HeedfulError(
            f"{folder} was written in another format ({config.get('library')} {config.get('format')}).",
            f"This version reads heedful {FORMAT}.",
        )
    return config


def goes_on(folder: Path) -> str:
    """How to go on with a run."""
    return f"heedful train {folder / 'recipe.toml'} -o {folder}"


def write_model(folder: Path, recipe: Recipe, trained: Any, weights: bool = True) -> None:
    """Writes a model's files; without its weights at the beginning of a run, when there are none worth keeping."""
    module = task(recipe.task)
    config = {"library": "heedful", "format": FORMAT, "task": recipe.task} | module.config(trained)
    module.save(trained, folder)
    write_file(folder / "recipe.toml", lambda path: path.write_text(recipes.dump(recipe), encoding="utf-8"))
    write_file(folder / "config.json", lambda path: path.write_text(json.dumps(config, indent=1), encoding="utf-8"))
    if weights:
        weights_now = weights_of(trained.network)
        write_file(folder / "model.safetensors", lambda path: write_tensors(path, weights_now))
