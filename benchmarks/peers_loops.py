"""What others need to answer from end to end, as short as their libraries allow: the peers of peers.py.

Each maker opens a model once and returns what asks it: inputs and the width of the beam in, answers out. The loops are
those of docs/export.md; CTranslate2 has its batches chosen by trial, and its threads by who asks.
"""

import json
import time
from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Ask = Callable[[list[str], int], list[Any]]
"""Answers to inputs, by a beam of this width."""
BATCHES = (("examples", 16), ("examples", 32), ("examples", 64), ("tokens", 1024), ("tokens", 2048), ("tokens", 4096))
TRIED = 64
"""Inputs by which batches are chosen."""


class Pieces:
    """One side of Marian's vocabulary, as an export writes it."""

    def __init__(self, path: Path) -> None:
        from sentencepiece import SentencePieceProcessor

        vocabulary = json.loads(path.read_text("utf-8"))
        self.model, self.silent = SentencePieceProcessor(), set(vocabulary["marks"]["silent"])
        self.model.LoadFromSerializedProto(b64decode(vocabulary["sentencepiece"]))
        self.numbers = vocabulary["numbers"]

    def cut(self, texts: Sequence[str]) -> list[list[str]]:
        return self.model.encode(list(texts), out_type=str)

    def joined(self, answers: Sequence[Sequence[str]]) -> list[str]:
        said = [[piece for piece in pieces if self.numbers.get(piece) not in self.silent] for pieces in answers]
        return [self.model.decode_pieces(pieces).replace("▁", " ").strip() for pieces in said]


class Words:
    """One side of a vocabulary of the tokenizers library."""

    def __init__(self, path: Path) -> None:
        from tokenizers import Tokenizer

        self.inner = Tokenizer.from_file(str(path))
        self.inner.encode_special_tokens = True

    def cut(self, texts: Sequence[str]) -> list[list[str]]:
        return [encoding.tokens for encoding in self.inner.encode_batch(list(texts), add_special_tokens=False)]

    def joined(self, answers: Sequence[Sequence[str]]) -> list[str]:
        return self.inner.decode_batch([[self.inner.token_to_id(token) for token in answer] for answer in answers])


@dataclass
class CTranslate2:
    """A model of CTranslate2 in those batches in which it answers soonest, found for each beam at the first corpus.

    `limit`: tokens of an answer; None: as many as it takes.
    """

    folder: Path
    precision: str = "int8"
    workers: int = 1
    threads: int = 1
    limit: int | None = None
    batches: dict[int, tuple[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        import ctranslate2

        kind = ctranslate2.Translator if self.translates else ctranslate2.Generator
        options: dict[str, Any] = {"compute_type": self.precision, "device": "cpu"}
        self.model = kind(str(self.folder), inter_threads=self.workers, intra_threads=self.threads, **options)
        shared = self.folder / "tokenizer.json"
        sides = [shared if shared.exists() else self.folder / f"{side}.tokenizer.json" for side in ("source", "target")]
        is_marian = '"sentencepiece"' in sides[0].read_text("utf-8")
        self.source, self.target = ((Pieces if is_marian else Words)(path) for path in sides)
        self.suppressed = [["<pad>"]] if is_marian else []

    @property
    def translates(self) -> bool:
        return not (self.folder / "vocabulary.json").exists()

    def __call__(self, texts: list[str], beam: int) -> list[str]:
        if len(texts) > 1 and beam not in self.batches:
            self.batches[beam] = self.quickest(texts[:TRIED], beam)
        return self.answer(texts, beam, self.batches.get(beam, BATCHES[0]))

    def answer(self, texts: list[str], beam: int, batches: tuple[str, int]) -> list[str]:
        sources, (kind, size) = self.source.cut(texts), batches
        common: dict[str, Any] = {"beam_size": beam, "batch_type": kind, "max_batch_size": size}
        if self.translates:
            results = self.model.translate_batch(
                sources,
                max_input_length=0,
                min_decoding_length=0,
                max_decoding_length=self.limit or 256,
                disable_unk=True,
                suppress_sequences=self.suppressed,
                **common,
            )
            return self.target.joined([result.hypotheses[0] for result in results])
        results = self.model.generate_batch(
            sources, max_length=self.limit or 256, include_prompt_in_result=False, sampling_topk=1, **common
        )
        return self.target.joined([result.sequences[0] for result in results])

    def quickest(self, texts: list[str], beam: int) -> tuple[str, int]:
        times = dict[tuple[str, int], float]()
        for batches in BATCHES:
            start = time.perf_counter()
            self.answer(texts, beam, batches)
            times[batches] = time.perf_counter() - start
        return min(times, key=times.__getitem__)


def transformers_writer(folder: Path, task: str, threads: int, limit: int) -> Ask:
    """`generate`, in batches of 32 of like lengths."""
    import torch
    import transformers as hf

    torch.set_num_threads(threads)
    kind: Any = hf.AutoModelForSeq2SeqLM if task == "translate" else hf.AutoModelForCausalLM
    model, tokenizer = kind.from_pretrained(folder).eval(), hf.AutoTokenizer.from_pretrained(folder)
    tokenizer.padding_side = "right" if task == "translate" else "left"
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token

    @torch.inference_mode()
    def ask(texts: list[str], beam: int) -> list[str]:
        answers, order = [""] * len(texts), sorted(range(len(texts)), key=lambda row: len(texts[row]))
        for first in range(0, len(order), 32):
            rows = order[first : first + 32]
            batch = tokenizer([texts[row] for row in rows], padding=True, return_tensors="pt")
            ids = model.generate(**batch, num_beams=beam, do_sample=False, max_new_tokens=limit, use_cache=True)
            ids = ids if task == "translate" else ids[:, batch["input_ids"].shape[1] :]
            for row, text in zip(rows, tokenizer.batch_decode(ids, skip_special_tokens=True), strict=True):
                answers[row] = text
        return answers

    return ask
