"""How a language model learns to go on with texts: GPT, or any decoder that needs no source.

N rows   T positions   D width
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from heedful.blocks.attention.masks import up_to
from heedful.blocks.host import on_host, pick
from heedful.blocks.loss import cross_entropy
from heedful.data import batching
from heedful.data.batch import Batch, pad_rows
from heedful.data.batching import Rows
from heedful.data.documents.check import check_documents
from heedful.data.documents.kind import DocumentKind
from heedful.data.documents.prepared import PreparedDocuments
from heedful.data.tokenizers.load import load_tokenizer
from heedful.engines.onnx_graphs import Graph, alone_graph
from heedful.errors import HeedfulError
from heedful.metrics.counts import PRIMARY
from heedful.networks.build import Spec
from heedful.networks.joins import LanguageModel
from heedful.results import Example, Findings
from heedful.schema import GenerateSettings, NetworkSettings, Recipe, parse_settings
from heedful.tasks import plans, training_documents
from heedful.tasks.complete.ask import continue_texts, passages, score_passages
from heedful.tasks.complete.learnable import GENERATE_DEFAULTS, LearnableLanguageModel, learnable
from heedful.tasks.language import length_error
from heedful.tasks.learning import Learning
from heedful.tasks.long import way_of
from heedful.tasks.pretrained import Pretrained
from heedful.tasks.trace import Reading, Trace, blank_text, copies, find_tokens, text_units, to_device
from heedful.tasks.training_documents import DocumentPieces
from heedful.tasks.usual import OF_TEXTS, UsualRow
from heedful.tasks.valid_loss import values_of
from heedful.training import decide
from heedful.training.work import Work

if TYPE_CHECKING:
    from heedful.hub import Plan, Published

EXPLAINED_TOKENS = 24  # tokens of an answer that are explained
WATCHED = 50  # documents, of whose beginnings a few are looked into while a network learns
GOES_ON = 60  # letters behind these


def build_network(plan: "Plan | None", settings: NetworkSettings, vocabulary: int) -> LanguageModel:
    """A network as published, or of the lineage."""
    return plans.build(plan or Spec("decoder", settings, outputs=vocabulary), LanguageModel)


class CompleteLearning(Learning[PreparedDocuments, LearnableLanguageModel]):
    """How language models are made."""

    decisions = decide

    def resolve(self, recipe: Recipe) -> Recipe:
        return training_documents.resolve(recipe).with_defaults("generate", GENERATE_DEFAULTS)

    def data_kind(self, recipe: Recipe, start: Pretrained | None = None) -> DocumentKind:
        return DocumentKind(start.written if start else None)

    def check(self, recipe: Recipe) -> Findings:
        """Bad rows, repeated ones, leaks, odd characters."""
        return check_documents(recipe.data)

    def usual_row(self, data: PreparedDocuments) -> UsualRow:
        return OF_TEXTS

    def build(self, recipe: Recipe, data: PreparedDocuments, start: Pretrained | None = None) -> LearnableLanguageModel:
        torch.manual_seed(recipe.seed)
        plan, tokenizer = plans.derive_plan(start, "complete", recipe.network), data.tokenizer
        network = build_network(plan, recipe.network, tokenizer.size)
        ends, form = training_documents.learns_ends(data), recipe.data.normalize
        return learnable(network, recipe.network, tokenizer, int(recipe.data.window), ends, form, plan)

    def fit(
        self, model: LearnableLanguageModel, data: PreparedDocuments, recipe: Recipe
    ) -> tuple[PreparedDocuments, list[str]]:
        lengths = partial(self.answering.example_lengths, [model])
        way = way_of(recipe.data.long, self.facts)
        return training_documents.fit(data, model.limit, ahead=True, way=way, held_out=lengths)

    def work(self, model: LearnableLanguageModel, data: PreparedDocuments, recipe: Recipe) -> Work:
        pieces = DocumentPieces(data.train, model.window, recipe.seed, ahead=True)
        valid = batching.sample(passages(model, data.valid), recipe.train.valid_limit, recipe.seed)
        return Work(
            network=model.network,
            plan=lambda epoch: pieces.plan(int(recipe.train.batch_tokens), epoch),
            collate=Collate(pieces),
            loss=Loss(recipe.train.label_smoothing),
            score=lambda few=None: values_of(score_passages([model], valid[:few], recipe.generate, samples=0)),
            primary=PRIMARY["passages"],
            where=pieces.where,
            scored=len(valid),
        )

    def count_scored(self, model: LearnableLanguageModel, examples: Sequence[Example]) -> int:
        """Windows of documents."""
        return len(passages(model, examples))

    def watched(self, model: LearnableLanguageModel, data: PreparedDocuments) -> list[Example]:
        """Beginnings of documents, and how these go on."""
        examples: list[Example] = []
        for example in batching.sample(data.valid, WATCHED, 0):
            text = " ".join(example.source[: 4 * GOES_ON].split())
            [prompt] = self.answering.prompts(model, [text[: len(text) // 2]])
            if rest := text[len(prompt) :][:GOES_ON].rstrip():
                examples.append(Example(prompt, (rest,)))
        return examples

    def pretrained(self, model: LearnableLanguageModel) -> Pretrained:
        return Pretrained(written=model.tokenizer, plan=model.plan)

    def inherited_settings(self, before: Recipe, start: Pretrained) -> dict[str, Any]:
        return super().inherited_settings(before, start) | training_documents.inherited_window(before)

    def load(self, config: dict[str, Any], folder: Path) -> LearnableLanguageModel:
        settings, plan = parse_settings(NetworkSettings, config["network"]), plans.plan_from_config(config)
        tokenizer = load_tokenizer(folder / "tokenizer.json")
        arguments = (config["window"], config["ends"], config["normal_form"])
        return learnable(build_network(plan, settings, tokenizer.size), settings, tokenizer, *arguments, plan)

    def from_hub(self, published: "Published", where: str) -> LearnableLanguageModel:
        from heedful.tasks.complete import hub

        return hub.from_hub(published, where)

    def hub_recipe(self, recipe: Recipe, published: "Published", model: LearnableLanguageModel) -> Recipe:
        from heedful.tasks.complete import hub

        return hub.hub_recipe(recipe, published, model)

    def to_hub(self, model: LearnableLanguageModel, recipe: Recipe, notes: list[str]) -> "Published":
        from heedful.tasks.complete import hub

        return hub.to_hub(model, recipe)

    def graphs(self, model: LearnableLanguageModel, lengths: Sequence[int]) -> list[Graph]:
        return [alone_graph(model.network, len(lengths))]

    def trace(
        self,
        model: LearnableLanguageModel,
        source: str,
        output: str | None,
        settings: GenerateSettings,
        instead: str | None = None,
    ) -> Trace:
        """Of the model's own answer as much is taken as can be drawn.

        Raises HeedfulError for more tokens than the network reads at once.
        """
        prompt, tokenizer = model.encode_prompt(source), model.tokenizer
        tokens = answer_tokens(model, source, len(prompt), settings) if output is None else model.encode(output)
        tokens_read = np.array([*prompt, *tokens[:-1]])
        if model.limit and len(tokens_read) > model.limit:
            raise length_error(source + (output or ""), len(tokens_read), model.limit, "Explain a shorter one.")
        if not tokens:
            raise HeedfulError("There is nothing to explain: the answer is empty.", "Name one: --answer TEXT")
        network, decoder, first = model.network.eval(), model.network.decoder, len(prompt) - 1
        [inputs, chosen] = to_device(network, tokens_read, np.array(tokens))
        baseline = blank_text(decoder.tokens, tokens_read, tokenizer)
        assert isinstance(decoder, nn.Module)
        return Trace(
            network,
            source,
            tokenizer.decode(tokens) if output is None else output,
            (Reading(text_units(tokenizer, tokens_read), decoder.tokens, baseline),),
            text_units(tokenizer, tokens),
            chosen[0],
            lambda number: network(copies(inputs, number))[:, first:],
            partial(find_tokens, tokenizer),
            tokenizer.display,
            decoder,
            first=first,
            head=decoder.logits,
        )


def answer_tokens(
    model: LearnableLanguageModel, text: str, prompt_length: int, settings: GenerateSettings
) -> list[int]:
    """How the model goes on with a text of so many tokens, as far as it can be drawn, the end included."""
    most = EXPLAINED_TOKENS if model.limit is None else min(EXPLAINED_TOKENS, model.limit - prompt_length + 1)
    one_answer = replace(settings, max_length=max(1, most), n_best=1, long_prompt="error")
    [[continuation]] = continue_texts([model], [text], one_answer)
    end = [model.tokenizer.special_tokens.end] if continuation.complete and model.ends else []
    return [*continuation.tokens, *end][:EXPLAINED_TOKENS]


@dataclass(frozen=True)
class Collate:
    """Rows of pieces -> a batch: tokens, those behind them, and how many each row has."""

    pieces: DocumentPieces

    def __call__(self, rows: Rows) -> Batch:
        return next_token_batch(self.pieces.tokens(rows))


def next_token_batch(rows: Sequence[np.ndarray]) -> Batch:
    """Each token of a row beside the next one."""
    inputs, steps = pad_rows([row[:-1] for row in rows])
    targets, _ = pad_rows([row[1:] for row in rows])
    return Batch({"inputs": inputs, "targets": targets, "steps": steps})


@dataclass(frozen=True)
class Loss:
    """Cross entropy, summed over real tokens. What stands behind the end of a row changes nothing before it."""

    smoothing: float

    def __call__(self, network: LanguageModel, batch: Batch) -> tuple[Tensor, int]:
        outputs = network(batch["inputs"])
        outputs, targets = pick(up_to(on_host(batch["steps"]), outputs.size(1)), outputs, batch["targets"])
        decoder = network.decoder
        return cross_entropy(outputs, decoder.logits, targets, decoder.vocabulary, self.smoothing), len(targets)
