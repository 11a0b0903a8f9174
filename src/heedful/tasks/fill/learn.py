"""How a masked language model learns which tokens stand at masks: BERT, or any encoder that sees both sides of them.

N rows   S positions   M masked positions
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from heedful.blocks.host import on_host, pick
from heedful.blocks.loss import cross_entropy
from heedful.data import batching
from heedful.data.batch import Batch, pad_rows
from heedful.data.batching import Rows
from heedful.data.documents.check import check_documents
from heedful.data.documents.kind import DocumentKind
from heedful.data.documents.prepared import PreparedDocuments
from heedful.data.tokenizers.load import load_tokenizer
from heedful.data.tokenizers.tokenizer import Tokenizer
from heedful.engines.onnx_graphs import Graph, filler_graph
from heedful.explanations import Units
from heedful.metrics.counts import PRIMARY
from heedful.networks.build import Spec
from heedful.networks.joins import MaskedLanguageModel
from heedful.results import Example, Findings
from heedful.schema import GenerateSettings, NetworkSettings, Recipe, parse_settings
from heedful.tasks import plans, training_documents
from heedful.tasks.dummy_inputs import dummy_texts
from heedful.tasks.fill.ask import (
    behind_blanks,
    best_fillings,
    masked_windows,
    probabilities,
    refuse_long,
    score_windows,
)
from heedful.tasks.fill.learnable import LearnableMaskedLanguageModel, learnable
from heedful.tasks.fill.masks import MASK, SCORED, Masking, ends_inside, format_tokens, join_parts, load_masking
from heedful.tasks.learning import Learning
from heedful.tasks.long import way_of
from heedful.tasks.pretrained import Pretrained
from heedful.tasks.trace import Reading, Trace, blank_text, copies, find_tokens, pick_positions, text_units, to_device
from heedful.tasks.training_documents import DocumentPieces
from heedful.tasks.usual import OF_GAPS, UsualRow
from heedful.tasks.valid_loss import values_of
from heedful.training import decide
from heedful.training.work import Work

if TYPE_CHECKING:
    from heedful.hub import Plan, Published

WATCHED = 50  # documents, of whose gaps a few are looked into while a network learns


def build_network(plan: "Plan | None", settings: NetworkSettings, tokenizer: Tokenizer) -> MaskedLanguageModel:
    """A network as published, or of the lineage, where the mask has an entry of its own in the vocabulary."""
    return plans.build(plan or Spec("encoder_tokens", settings, outputs=tokenizer.size + 1), MaskedLanguageModel)


class FillLearning(Learning[PreparedDocuments, LearnableMaskedLanguageModel]):
    """How masked language models are made."""

    decisions = decide

    def resolve(self, recipe: Recipe) -> Recipe:
        return decide.masks(training_documents.resolve(recipe))

    def data_kind(self, recipe: Recipe, start: Pretrained | None = None) -> DocumentKind:
        return DocumentKind(start.words if start else None)

    def check(self, recipe: Recipe) -> Findings:
        """Bad rows, repeated ones, leaks, odd characters."""
        return check_documents(recipe.data)

    def advice(self, recipe: Recipe, data: PreparedDocuments) -> str:
        """What would learn sooner than a network that must learn first which positions are neighbours; docs/log.md."""
        if recipe.network.positions != "learned":
            return ""
        return (
            f"{recipe.network.name} learns its position embeddings, and takes thousands of steps until neighbours tell "
            "a masked word; network.positions=rotary network.norm=pre learns much sooner, and so does --network gru"
        )

    def usual_row(self, data: PreparedDocuments) -> UsualRow:
        return OF_GAPS

    def build(
        self, recipe: Recipe, data: PreparedDocuments, start: Pretrained | None = None
    ) -> LearnableMaskedLanguageModel:
        torch.manual_seed(recipe.seed)
        tokenizer, settings = data.tokenizer, recipe.network
        masking = Masking(SCORED, recipe.train.whole_words, tokenizer.special_tokens)
        arguments = (int(recipe.data.window), training_documents.learns_ends(data), masking, recipe.data.normalize)
        plan = plans.derive_plan(start, "fill", settings)
        return learnable(build_network(plan, settings, tokenizer), settings, tokenizer, *arguments, plan)

    def fit(
        self, model: LearnableMaskedLanguageModel, data: PreparedDocuments, recipe: Recipe
    ) -> tuple[PreparedDocuments, list[str]]:
        lengths = partial(self.answering.example_lengths, [model])
        way = way_of(recipe.data.long, self.facts)
        return training_documents.fit(data, model.limit, ahead=False, way=way, held_out=lengths)

    def work(self, model: LearnableMaskedLanguageModel, data: PreparedDocuments, recipe: Recipe) -> Work:
        pieces = DocumentPieces(data.train, model.window, recipe.seed, ahead=False)
        masking, inside = (
            replace(model.masking, fraction=float(recipe.train.mask)),
            ends_inside(model.tokenizer, model.masking),
        )
        valid = batching.sample(masked_windows(model, data.valid), recipe.train.valid_limit, recipe.seed)
        return Work(
            network=model.network,
            plan=lambda epoch: pieces.plan(int(recipe.train.batch_tokens), epoch),
            collate=Collate(pieces, masking, model.tokenizer.size, inside),
            loss=Loss(recipe.train.label_smoothing),
            score=lambda few=None: values_of(score_windows([model], valid[:few], recipe.generate, samples=0)),
            primary=PRIMARY["gaps"],
            where=pieces.where,
            scored=len(valid),
        )

    def count_scored(self, model: LearnableMaskedLanguageModel, examples: Sequence[Example]) -> int:
        """Windows of documents."""
        return len(masked_windows(model, examples))

    def watched(self, model: LearnableMaskedLanguageModel, data: PreparedDocuments) -> list[Example]:
        """The first gap of windows that are scored, and the same filled."""
        examples: list[Example] = []
        for window in masked_windows(model, batching.sample(data.valid, WATCHED, 0)):
            word = format_tokens(model.tokenizer, window.truth[:1])[0]
            for prompt in self.answering.prompts(model, [window.text(model.tokenizer)]):
                examples.append(Example(prompt, (prompt.replace(MASK, word),)))
        return examples

    def pretrained(self, model: LearnableMaskedLanguageModel) -> Pretrained:
        return Pretrained(words=model.tokenizer, plan=model.plan)

    def inherited_settings(self, before: Recipe, start: Pretrained) -> dict[str, Any]:
        return super().inherited_settings(before, start) | training_documents.inherited_window(before)

    def load(self, config: dict[str, Any], folder: Path) -> LearnableMaskedLanguageModel:
        settings, plan = parse_settings(NetworkSettings, config["network"]), plans.plan_from_config(config)
        tokenizer = load_tokenizer(folder / "tokenizer.json")
        arguments = (config["window"], config["ends"], load_masking(config, tokenizer), config["normal_form"])
        return learnable(build_network(plan, settings, tokenizer), settings, tokenizer, *arguments, plan)

    def from_hub(self, published: "Published", where: str) -> LearnableMaskedLanguageModel:
        from heedful.tasks.fill import hub

        return hub.from_hub(published, where)

    def hub_recipe(self, recipe: Recipe, published: "Published", model: LearnableMaskedLanguageModel) -> Recipe:
        from heedful.tasks.fill import hub

        return hub.hub_recipe(recipe, model)

    def to_hub(self, model: LearnableMaskedLanguageModel, recipe: Recipe, notes: list[str]) -> "Published":
        from heedful.tasks.fill import hub

        return hub.to_hub(model, recipe)

    def graphs(self, model: LearnableMaskedLanguageModel, lengths: Sequence[int]) -> list[Graph]:
        network = model.network
        return [filler_graph(network, dummy_texts(network.vocabulary, lengths, network.encoder.limit))]

    def trace(
        self,
        model: LearnableMaskedLanguageModel,
        source: str,
        output: str | None,
        settings: GenerateSettings,
        instead: str | None = None,
    ) -> Trace:
        """Each mask of a text is answered by the likeliest token, or by what `output` has there."""
        tokenizer, text = model.tokenizer, model.parse(source)
        refuse_long([model], source, text)
        if output is None:
            [values] = probabilities([model], [text], settings)
            filled = best_fillings(tokenizer, text, values, settings)[:, 0]
        else:
            filled = np.array(text.fill(source, output, tokenizer))
        network, positions = model.network.eval(), np.flatnonzero(text.masked).tolist()
        words = format_tokens(tokenizer, filled)
        [inputs, chosen] = to_device(network, text.ids, filled)
        lengths = torch.tensor([len(text.ids)], device=inputs.device)
        reading = Reading(
            text_units(tokenizer, text.ids),
            network.embedding,
            blank_text(network.embedding, text.ids, tokenizer),
            network.encoder if isinstance(network.encoder, nn.Module) else None,
            pool=pick_positions(positions, len(text.ids), inputs.device),
        )
        return Trace(
            network,
            source,
            output or join_parts(tokenizer, text.parts, behind_blanks(tokenizer, text, filled, words)),
            (reading,),
            Units("words", tuple(words)),
            chosen[0],
            lambda number: network(copies(inputs, number), copies(lengths, number))[:, positions],
            partial(find_tokens, tokenizer),
            tokenizer.display,
            head=network.logits,
        )


@dataclass(frozen=True)
class Collate:
    """Rows of pieces -> a batch: what is read, what stood there, and where that is asked for.

    The masked tokens of a piece depend on the seed, the epoch and its row: on nothing else.
    """

    pieces: DocumentPieces
    masking: Masking
    size: int
    inside: np.ndarray

    def __call__(self, rows: Rows) -> Batch:
        texts, seeds = self.pieces.tokens(rows), self.pieces.seeds(rows)
        masks = [self.masking.choose(ids, self.inside, seed) for ids, seed in zip(texts, seeds, strict=True)]
        corrupted = [
            self.masking.corrupt(ids, mask, self.size, seed)
            for ids, mask, seed in zip(texts, masks, seeds, strict=True)
        ]
        source, lengths = pad_rows(corrupted)
        targets, _ = pad_rows(texts)
        masked, _ = pad_rows(masks)
        return Batch({"source": source, "lengths": lengths, "targets": targets, "masked": masked.bool()})


@dataclass(frozen=True)
class Loss:
    """Cross entropy, summed over masked tokens."""

    smoothing: float

    def __call__(self, network: MaskedLanguageModel, batch: Batch) -> tuple[Tensor, int]:
        outputs = network(batch["source"], batch["lengths"])
        outputs, targets = pick(on_host(batch["masked"]), outputs, batch["targets"])
        return cross_entropy(outputs, network.logits, targets, network.vocabulary, self.smoothing), len(targets)
