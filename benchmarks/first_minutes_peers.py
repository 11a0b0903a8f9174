"""What a user would write instead: `auto`, and transformers' Marian from scratch, on one core in the same minutes.

    pip install "heedful[bench,demo]"; python examples/libreoffice_help.py
    python benchmarks/first_minutes_peers.py --core 1      # goes on where it was stopped

Sentences of LibreOffice's help (en → de) and verses of two Bibles (King James → Young). Marian as transformers' own
examples set it up: byte-pair pieces, AdamW, batches of 32, label smoothing, a rate that falls linearly – here over the
very minutes there are, which helps it – and beams of 4. Of two sizes the better one on 200 validation pairs counts;
both sides are scored once on the same test pairs. Minutes are those of a core of 59 GFLOP/s (machine.py).
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs/results/first-minutes-peers.jsonl"
WORK = ROOT / "runs/first-minutes-peers"
HELP = ROOT / "data/libreoffice-help-en-de"
SIZES = {"tiny": (128, 2, 512, 4), "small": (256, 3, 1024, 4)}  # width, layers, inner part, heads
PIECES, BATCH, RATE, WARMUP, SMOOTHING, LONGEST = 8000, 32, 5e-4, 0.1, 0.1, 128
VALID, TEST = 200, 1000

Pairs = list[tuple[str, str]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--core", type=int, required=True)
    parser.add_argument("--scale", type=float, help="minutes here for each minute of the yardstick, where it is known")
    parser.add_argument("--minutes", type=float, nargs="*", default=[3, 10, 30])
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.core})
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch
    from machine import gflops, scale

    torch.set_num_threads(1)
    factor = options.scale or scale(gflops(torch.float32))
    done = {(line["set"], line["minutes"]) for line in read_lines()}
    WORK.mkdir(parents=True, exist_ok=True)
    for minutes in options.minutes:
        for name in ("libreoffice-help", "kjv-ylt"):
            if (name, minutes) not in done:
                add_line(measure(name, minutes, factor))


def measure(name: str, minutes: float, factor: float) -> dict:
    """Both sides on a set in a budget."""
    sides = {side: pairs_of(name, side) for side in ("train", "valid", "test")}
    sides = {"train": sides["train"], "valid": sides["valid"][:VALID], "test": sides["test"][:TEST]}
    marians = {size: marian(size, sides, minutes * factor) for size in SIZES}
    best = max(marians, key=lambda size: marians[size]["valid_chrf"])
    return {
        "set": name,
        "minutes": minutes,
        "scale": round(factor, 4),
        "heedful": heedful(name, sides, minutes * factor),
        "marian": marians[best] | {"size": best},
        "other_size": {key: value for size, line in marians.items() if size != best for key, value in line.items()},
    }


def pairs_of(name: str, side: str) -> Pairs:
    """Pairs of a set, shuffled alike each time."""
    if name == "kjv-ylt":
        from heedful.data.samples.verses import bible, sides

        old, new = bible("KJV"), bible("YLT")
        pairs = [(old[verse], new[verse]) for verse in sides()[side] if verse in old and verse in new]
    else:
        lines = (HELP / f"{side}.tsv").read_text(encoding="utf-8").splitlines()
        pairs = [(source, target) for source, _, target in (line.partition("\t") for line in lines)]
    random.Random(0).shuffle(pairs)
    return pairs


def heedful(name: str, sides: dict[str, Pairs], minutes: float) -> dict:
    """The default command: it holds out its own validation rows."""
    train, test, folder = WORK / f"{name}.tsv", WORK / f"{name}-test.tsv", WORK / f"{name}-{minutes:.3f}"
    for path, pairs in ((train, sides["train"]), (test, sides["test"])):
        path.write_text("".join(f"{source}\t{target}\n" for source, target in pairs), encoding="utf-8")
    settings = ["train.threads=1", "train.precision=float32", "-o", str(folder)]
    command = ["train", "translate", str(train), "--minutes", f"{minutes:.4f}", *settings]
    subprocess.run([sys.executable, "-m", "heedful", *command], check=True, stdout=subprocess.DEVNULL)
    from heedful import load

    model = load(folder)
    scores = model.evaluate([str(test)])
    network = model.recipe.network
    return figures(scores) | {"network": f"{network.name} {network.width}", "weights": model.weights}


def figures(scores) -> dict:
    """BLEU and chrF with their intervals."""
    measures = scores.measures
    return {
        key: [round(getattr(measures[key], part), 2) for part in ("value", "low", "high")] for key in ("bleu", "chrf")
    }


def marian(size: str, sides: dict[str, Pairs], minutes: float) -> dict:
    """A Marian of a size from random weights: what it scores on validation and test pairs."""
    import torch
    from transformers import MarianConfig, MarianMTModel

    torch.manual_seed(0)
    tokenizer = learn_tokenizer(sides["train"])
    width, layers, inner, heads = SIZES[size]
    shape = {"encoder_layers": layers, "decoder_layers": layers, "encoder_ffn_dim": inner, "decoder_ffn_dim": inner}
    shape |= {"encoder_attention_heads": heads, "decoder_attention_heads": heads, "d_model": width}
    marks = {
        "pad_token_id": 0,
        "eos_token_id": 1,
        "bos_token_id": 0,
        "decoder_start_token_id": 0,
        "forced_eos_token_id": 1,
    }
    model = MarianMTModel(MarianConfig(vocab_size=tokenizer.get_vocab_size(), dropout=0.1, **shape, **marks))
    steps = train_marian(model, tokenizer, sides["train"], minutes)
    from heedful.metrics.scores import evaluate

    scores = {}
    for side in ("valid", "test"):
        outputs = translate(model, tokenizer, [source for source, _ in sides[side]])
        scores[side] = evaluate(
            "text", [pair[0] for pair in sides[side]], outputs, [(pair[1],) for pair in sides[side]], ter=False
        )
    weights = sum(weight.numel() for weight in model.parameters())
    return figures(scores["test"]) | {
        "valid_chrf": round(scores["valid"].measures["chrf"].value, 2),
        "steps": steps,
        "weights": weights,
    }


def learn_tokenizer(pairs: Pairs):
    """Byte-pair pieces of both languages."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=PIECES, special_tokens=["<pad>", "</s>", "<unk>"], show_progress=False)
    tokenizer.train_from_iterator((text for pair in pairs for text in pair), trainer)
    return tokenizer


def train_marian(model, tokenizer, pairs: Pairs, minutes: float) -> int:
    """Steps of AdamW until the minutes are over; how many they were."""
    import torch

    encoded = [[[*tokenizer.encode(text).ids[: LONGEST - 1], 1] for text in pair] for pair in pairs]
    optimizer = torch.optim.AdamW(model.parameters(), RATE, betas=(0.9, 0.98), weight_decay=0.01)
    loss_of = torch.nn.CrossEntropyLoss(ignore_index=-100, label_smoothing=SMOOTHING)
    model.train()
    start, steps = time.perf_counter(), 0
    for batch in batches(len(encoded)):
        part = (time.perf_counter() - start) / (minutes * 60)
        if part >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(part / WARMUP, (1 - part) / (1 - WARMUP))
        sources, targets = ([encoded[row][side] for row in batch] for side in (0, 1))
        ids, labels = padded(sources, 0), padded(targets, -100)
        logits = model(input_ids=ids, attention_mask=ids != 0, labels=labels).logits
        loss = loss_of(logits.flatten(0, 1), labels.flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        steps += 1
    return steps


def batches(rows: int) -> Iterator[list[int]]:
    """Rows in batches, shuffled anew in each epoch, without end."""
    rng, order = random.Random(0), list(range(rows))
    while True:
        rng.shuffle(order)
        yield from (order[first : first + BATCH] for first in range(0, rows, BATCH))


def padded(rows: Sequence[list[int]], filler: int):
    """Rows of ids as one tensor."""
    import torch

    length = max(map(len, rows))
    return torch.tensor([row + [filler] * (length - len(row)) for row in rows])


def translate(model, tokenizer, texts: list[str]) -> list[str]:
    """Answers by beams of 4."""
    import torch

    model.eval()
    order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    outputs = [""] * len(texts)
    for first in range(0, len(order), BATCH):
        rows = order[first : first + BATCH]
        ids = padded([[*tokenizer.encode(texts[row]).ids[: LONGEST - 1], 1] for row in rows], 0)
        with torch.inference_mode():
            answers = model.generate(ids, attention_mask=ids != 0, num_beams=4, max_new_tokens=LONGEST)
        for row, answer in zip(rows, answers.tolist(), strict=True):
            outputs[row] = tokenizer.decode(answer)
    return outputs


def read_lines() -> list[dict]:
    """What is measured already."""
    return [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []


def add_line(line: dict) -> None:
    """Appends a result."""
    with open(RESULTS, "a", encoding="utf-8") as stream:
        stream.write(json.dumps(line) + "\n")
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
