"""A trained network with its preprocessing: what is asked, scored, explained and shared."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from heedful.api import finding, long_inputs, precisions, scoring
from heedful.api.finding import MANY, Changes
from heedful.api.inputs import is_single, read_question, read_texts
from heedful.api.opened import Chosen, Opened, Question, default_engine
from heedful.api.scores import read_scores
from heedful.beam_tree import BeamTree
from heedful.engines.ct2_search import beams_of
from heedful.explanations import Explanation
from heedful.generation.unscored import unscored
from heedful.results import Alignment, Answer, Example, Exhibits, Paired, Scores
from heedful.schema import EngineName, GenerateSettings, Long, Recipe
from heedful.tasks.facts import SourceKind
from heedful.tasks.models import LearnableModel, PreparedData, TrainedModel
from heedful.tasks.recipes import change, change_generate
from heedful.tasks.task import find_task
from heedful.training.progress import say, say_once

if TYPE_CHECKING:
    from heedful.tasks.match.vectors import Vectors
    from heedful.tasks.trace import Trace

BEAMS_OF_CT2 = {"generate.finish", "generate.renormalize"}


@dataclass(frozen=True, repr=False)
class Model:
    """A model, or several that answer together (an ensemble: `heedful.load("runs/a", "runs/b")`).

    model = heedful.load("runs/demo/vaswani2017")
    model.predict("heedful")                          # "HH IY D F AH L", and a list of inputs has a list
    """

    parts: tuple[Opened, ...]
    recipe: Recipe
    engine: EngineName = "auto"
    """What answers where a question does not say."""

    @property
    def folder(self) -> Path:
        """Where it is; of several the first."""
        return self.parts[0].folder

    @property
    def trained(self) -> tuple[TrainedModel, ...]:
        """What it is, where nothing is asked: by its engine, or by any that is at hand."""
        if (engine := self.asked_by(None)) != "auto":
            return self.trained_by(engine, Question(self.recipe.generate))
        return tuple(part.described for part in self.parts)

    def trained_by(self, engine: EngineName, question: Question) -> tuple[TrainedModel, ...]:
        """What answers a question by an engine: all by one, by torch where one of them can by no other.

        Raises HeedfulError where an engine is asked for that one of them has not.
        """
        return self.answering(self.common_engine(engine, question), question)

    def answering(self, engine: Chosen, question: Question) -> tuple[TrainedModel, ...]:
        """What answers a question by the engine that was chosen for it."""
        return tuple(part.answering(engine, question) for part in self.parts)

    def common_engine(self, engine: EngineName, question: Question) -> Chosen:
        """What answers a question where this engine is asked for: see `trained_by`."""
        question = replace(question, models=len(self.parts))
        chosen: set[Chosen] = {part.choose(engine, question) for part in self.parts}
        return chosen.pop() if len(chosen) == 1 else "torch"

    @property
    def engines(self) -> tuple[Chosen, ...]:
        """The engines that it can be asked by as it stands; others are made when they are asked for."""
        return tuple(self.parts[0].made)

    @property
    def verdict(self) -> str:
        """Whether it answers in 8 bits unasked, and by which figures; "" where nobody measured."""
        verdict = precisions.kept(self.parts[0].place, "ct2")
        return str(verdict) if verdict is not None else ""

    @property
    def learnable(self) -> tuple[LearnableModel, ...]:
        """With their networks of torch, to be looked into, altered, exported or trained on."""
        return tuple(part.learnable for part in self.parts)

    def __repr__(self) -> str:
        several = f", {len(self.parts)} together" if len(self.parts) > 1 else ""
        from heedful.report.notebook import cut

        folder = cut(str(self.folder), 60)
        return f"Model({self.task}, {self.name}, {self.weights:,} weights{several}, {folder!r})"

    def _repr_html_(self) -> str:
        from heedful.report import notebook

        facts = {"task": self.task, "network": self.name, "weights": f"{self.weights:,}", "folder": str(self.folder)}
        finished = (self.folder / "scores.json").is_file()
        return notebook.model_html(repr(self), facts, read_scores(self.folder)[1] if finished else None)

    @property
    def task(self) -> str:
        """The verb of its task."""
        return self.recipe.task

    def predict(self, inputs: Any, **generate: object) -> Any:
        """The best answer to one input (a str), or to each of several (a list); keywords are keys of the recipe's
        generate section (beam=8).

        An input is a text; for pictures a path, a PIL image or an array; for series and videos a path or an array; for
        words also a list of them. Raises HeedfulError for what cannot be one, and names its type.
        """
        changes = {f"generate.{key}": value for key, value in generate.items()}
        outputs = [answers[0].output for answers in self.answer(inputs, changes, scored=False)]
        return outputs[0] if is_single(inputs, self.source_kind) else outputs

    def answer(self, inputs: Any, changes: Changes | None = None, scored: bool = True) -> list[list[Answer]]:
        """The n best answers to each input, with scores; inputs are as those of `predict`.

        `Answer.cut` says where not all of an input was read. `scored=False`: nobody reads the scores, and an engine
        that would compute them in a second call leaves them out (NaN); the answers are the same.
        """
        task, settings, long = find_task(self.task), self.settings(changes), self.long(changes)
        with read_question(inputs, self.source_kind) as question, unscored(not scored):
            asked, part = Question.of(question.references, settings), self.parts[0]
            engine = self.engine_for(asked)
            answers = long_inputs.answer(task, self.answering(engine, asked), question.references, settings, long)
            computed = {"device": part.device_of(engine), "precision": part.precision_for(engine, asked)}
            return question.name([[replace(answer, engine=engine, **computed) for answer in best] for best in answers])

    def predict_proba(self, inputs: Any) -> Any:
        """The probability of each of `classes`, (C,) for one input and (N, C) for several; of labels, which every step
        has, (T, C) and a list of those.

        Raises HeedfulError for a model whose answers are no classes.
        """
        answering, classes = find_task(self.task).answering, self.classes
        rows = [np.array(best.track.probabilities) for best, *_ in self.answer(inputs) if best.track]
        in_steps = answering.facts.view == "steps"
        if not in_steps:
            rows = [row[0] for row in rows]
        if is_single(inputs, self.source_kind):
            return rows[0]
        return rows if in_steps else np.array(rows).reshape(-1, len(classes))

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of its classes or labels, in the order of `predict_proba`; HeedfulError where there are none."""
        return find_task(self.task).answering.names(self.trained[0])

    def stream(self, text: str, tell: Callable[[str], object], changes: Changes | None = None) -> list[list[Answer]]:
        """How a text goes on, by a model of `complete`; `tell` is given a single answer as it is written."""
        settings = self.settings(changes)
        return find_task(self.task).answering.stream(self.trained_for(Question(settings)), text, settings, tell)

    def among(
        self, inputs: Any, texts: Any, changes: Changes | None = None, names: Sequence[str] | None = ()
    ) -> list[list[Answer]]:
        """The n best of `texts` (none: those of training) for each picture, or each of a folder, by a model of `match`.

        An answer's score is the logarithm of its share among the texts. These are called by their `names` where
        something is to be said of one; None: it was said before.
        """
        return finding.among(self, inputs, read_texts(texts), changes, names)

    def search(
        self, texts: Any, pictures: Any, n: int = 5, changes: Changes | None = None, names: Sequence[str] = ()
    ) -> list[list[Answer]]:
        """The n pictures nearest to each text, by a model of `match`, with their cosines; folders' vectors are kept.

        Pictures are as those of `predict`, or folders; `names` are those of the texts, as `among` takes them.

        model.search(["a red bicycle"], "photos/")[0][0].output      # "photos/0412.jpg"
        """
        return finding.search(self, read_texts(texts), pictures, n, changes, names)

    def embed(
        self,
        inputs: Any,
        kind: finding.Kind = "pictures",
        changes: Changes | None = None,
        names: Sequence[str] = (),
    ) -> "Vectors":
        """Unit vectors of pictures (of folders: all in them), or of texts, by a model of `match`: `names`, `values`.

        `queries`: texts that are looked for, where a published encoder of texts has a prompt of its own for them.
        `names` are those of the texts, as `among` takes them.
        """
        return finding.embed(self, inputs, kind, changes, names)

    def score(self, pairs: Sequence[tuple[Any, str]], names: Sequence[str] = ()) -> list[float]:
        """The log probability of each (input, output); inputs are as those of `predict`, and called by their `names`
        where something is to be said of one.
        """
        with read_question([source for source, _ in pairs], self.source_kind) as question:
            asked = list(zip(question.references, (output for _, output in pairs), strict=True))
            trained = self.trained_by(self.asked_by(None), Question(None, len(asked)))
            scores, note = long_inputs.score(find_task(self.task), trained, asked, self.recipe.data.long, names)
        if note:
            say(note)
        return scores

    def evaluate(
        self, data: Any = None, changes: Changes | None = None, examples: Sequence[Example] | None = None
    ) -> Scores:
        """Scores with 95 % intervals beside the baseline, on data as `heedful.train` takes them, or on the run's own
        test (else valid) set. `examples`: what `read` made of these, where that is known.
        """
        return scoring.evaluate(self, data, self.changed(changes), examples)

    def judge_by(
        self,
        judge: "Model",
        data: Any = None,
        changes: Changes | None = None,
        examples: Sequence[Example] | None = None,
    ) -> Scores:
        """What a model of `match` takes this one's drawings for, beside real pictures and exchanged drawings."""
        return scoring.judge(self, judge, data, change(self.recipe, changes or {}), examples)

    def compare_with(
        self,
        other: "Model",
        data: Any = None,
        changes: Changes | None = None,
        examples: Sequence[Example] | None = None,
    ) -> Paired:
        """Whether this model is better than another on the same examples: a paired test.

        Raises HeedfulError for a model of another task.
        """
        return scoring.compare(self, other, data, self.changed(changes), examples)

    def read(self, data: Any = None, changes: Changes | None = None) -> list[Example]:
        """The examples of data, or of the run's own: read once for `evaluate`, `compare_with` and `judge_by`."""
        return scoring.examples_of(self, data, change(self.recipe, changes or {}))

    def data(self) -> PreparedData | None:
        """The data that the run was trained on, if it is still in its folder; HeedfulError where it is spoilt."""
        return scoring.own_data(self)

    def prompts(self, texts: Sequence[str]) -> Sequence[str]:
        """What a model is asked with to show what it does: these, or what its task makes of them."""
        return find_task(self.task).answering.prompts(self.trained[0], texts)

    def exhibits(self, scores: Scores) -> Exhibits:
        """What a report shows beside the numbers."""
        settings = self.recipe.generate
        return find_task(self.task).answering.exhibits(self.trained_for(Question(settings, MANY)), scores, settings)

    def explain(
        self,
        source: Any,
        output: str | None = None,
        *,
        method: str | None = None,
        instead: str | None = None,
        faithfulness: bool = True,
    ) -> Explanation:
        """Why this answer (or a given output) was given to an input, which is one of those of `predict`.

        `method`: a name of `heedful.explain.methods.METHODS`; None: attention where there is some, else integrated
        gradients. `instead`: why not this, rather than what was answered: another token, class, label or text.
        `faithfulness`: maps that give each unit an amount are held against random orders, which takes most of the time.
        Raises HeedfulError for a method that this network has nothing for.

        model.explain("a sentence", method="integrated-gradients", instead="another class")
        """
        from heedful.api import explaining

        return explaining.explain(self, source, output, method, instead, faithfulness)

    def align(self, source: Any, output: str | None = None) -> Alignment:
        """What each token of the answer (or of a given output) attended to; no map where there is no attention."""
        from heedful.api import explaining

        return explaining.align(self, source, output)

    def trace(self, reference: str, output: str | None = None, instead: str | None = None) -> "Trace":
        """The first network on one finished answer, for whoever explains."""
        learning = find_task(self.task).learning
        return learning.trace(self.learnable[0], reference, output, self.recipe.generate, instead)

    def tree(self, source: Any, changes: Changes | None = None) -> BeamTree:
        """Every hypothesis of the search for the answer to one input: which lived, which died, and why.

        Raises HeedfulError for a task that searches for no answer.
        """
        answering = find_task(self.task).answering
        with read_question(source, self.source_kind) as question:
            settings = self.settings(changes)
            return answering.tree(self.trained_for(Question(settings, watched=True)), question.references[0], settings)

    def altered(
        self, without: str | Sequence[str] = (), attend: str | Sequence[str] = (), hold: str | Sequence[str] = ()
    ) -> AbstractContextManager[None]:
        """Has it answer with parts of its network cut, told where to look, or held, until the block ends; names are
        those of maps (docs/explain.md).

        with model.altered(without="decoder.2.head.3", attend="uniform=memory", hold="encoder.0.state=frozen"):
            model.predict("...")                      # evaluate, score, explain and all others, too
        """
        from heedful.explain.cuts import alter_networks

        return alter_networks([model.network for model in self.learnable], without, attend, hold)

    def unknown(self, text: str) -> tuple[str, ...]:
        """The pieces of a text that the model's vocabulary does not have."""
        return find_task(self.task).answering.unknown(self.trained[0], text)

    def save(self, folder: Path | str) -> None:
        """Writes what `load` needs: config.json, model.safetensors, tokenizers and recipe.toml."""
        from heedful.api.model_folder import write_model

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        write_model(folder, self.recipe, self.learnable[0])

    def trained_for(self, question: Question) -> tuple[TrainedModel, ...]:
        """What answers a question, by the engine that its settings ask for."""
        return self.answering(self.engine_for(question), question)

    def engine_for(self, question: Question) -> Chosen:
        """The engine that answers a question."""
        return self.common_engine(self.asked_by(question.settings), question)

    def asked_by(self, settings: GenerateSettings | None) -> EngineName:
        """The engine that a question says, or the model; else CTranslate2 for 8 bits; else the machine's."""
        said = settings.engine if settings else "auto"
        said = self.engine if said == "auto" else said
        if said == "auto" and self.parts[0].precision_asked(settings or self.recipe.generate) == "int8":
            return "ct2"
        return default_engine() if said == "auto" else said

    def changed(self, changes: Changes | None) -> Recipe:
        """Its recipe as it is asked with these changes."""
        recipe = change(self.recipe, changes or {})
        return replace(recipe, generate=self.searched(recipe.generate, changes))

    def searched(self, settings: GenerateSettings, changes: Changes | None) -> GenerateSettings:
        """The same settings; of published weights that CTranslate2 is asked by, beams by its rules, which their files
        do not know of, unless these are asked for otherwise. Says so.
        """
        if beams_of(settings) == 1 or self.asked_by(settings) != "ct2" or not self.parts[0].is_published:
            return settings
        ruled = replace(settings, finish="full", renormalize=True)
        if ruled == settings or BEAMS_OF_CT2 & {*(changes or ())}:
            return settings
        say_once(f"{self.folder}: engine=ct2 searches with finish=full renormalize=true, unlike its files")
        return ruled

    def settings(self, changes: Changes | None) -> GenerateSettings:
        """How it is asked."""
        key = repr(sorted((changes or {}).items()))
        if key not in self.checked:
            self.checked.clear()
            settings = change_generate(self.recipe, changes) if changes else self.recipe.generate
            if settings.long_prompt == "auto":
                cut = "error" if self.long(changes) in ("leave", "error") else "end"
                settings = replace(settings, long_prompt=cut)
            self.checked[key] = settings
        return self.searched(self.checked[key], changes)

    @cached_property
    def checked(self) -> dict[str, GenerateSettings]:
        """The settings of the newest changes: to check them takes as long as a short answer."""
        return {}

    def long(self, changes: Changes | None) -> Long:
        """What is done with inputs that are longer than the network reads."""
        return cast("Long", (changes or {}).get("data.long", self.recipe.data.long))

    @property
    def source_kind(self) -> SourceKind:
        """What it is asked with."""
        return find_task(self.task).answering.source_kind(self.trained[0])

    @property
    def asked_with(self) -> str:
        """What stands behind its folder where it is asked."""
        return find_task(self.task).answering.asked_with(self.trained[0])

    @property
    def published(self) -> bool:
        """Whether its network was published, and is none of the lineage's rows."""
        return self.trained[0].plan is not None

    @property
    def name(self) -> str:
        """Its network's row and size, or the architecture of one that was published, whose sizes are its own."""
        plan, network = self.trained[0].plan, self.recipe.network
        return plan.architecture if plan else f"{network.name} {network.size}"

    @property
    def weights(self) -> int:
        """How many numbers were learnt; tied ones count once."""
        return sum(weight.numel() for weight in self.learnable[0].network.parameters())
