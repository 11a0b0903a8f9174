"""Exported graphs with what docs/export.md puts around them, by onnxruntime or OpenVINO: the peers of peers.py where
Heedful is not asked to search. Inputs are files of pictures or series, or texts; eight are run at a time.

N inputs   S positions   C classes
"""

import json
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from peers_loops import Ask
from PIL import Image

AT_ONCE = 8
Arrays = dict[str, np.ndarray]
Run = Callable[[Arrays], Arrays]
Export = dict[str, Any]


def graph(folder: Path, task: str, library: str, threads: int) -> Ask:
    """What asks the graphs of an export."""
    export: Export = json.loads((folder / "export.json").read_text("utf-8"))

    def opened(name: str) -> Run:
        return open_graph(library, folder / f"{name}.onnx", threads)

    if task in ("caption", "draw"):
        return writer(export, opened, folder)
    one = {"classify": classes, "match": vectors, "label": labels}[task]
    answer = one(export, opened("pictures" if task == "match" else "model"), folder)
    return lambda inputs, _: [each for few in in_parts(inputs) for each in answer(few)]


def in_parts(inputs: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(inputs), AT_ONCE):
        yield inputs[first : first + AT_ONCE]


Answer = Callable[[Sequence[str]], list[Any]]


def classes(export: Export, run: Run, _: Path) -> Answer:
    """The names of the likeliest classes of pictures."""

    def answer(paths: Sequence[str]) -> list[Any]:
        return [export["names"][best] for best in run({"source": read(paths, export["source"])})["logits"].argmax(-1)]

    return answer


def vectors(export: Export, run: Run, _: Path) -> Answer:
    """The vectors of pictures, of which a square is cut out of the middle."""
    form = export.get("pictures") or export["source"]
    return lambda paths: list(run({"source": read(paths, form, crop=True)})["vectors"])


def labels(export: Export, run: Run, _: Path) -> Answer:
    """The label of each step of series."""
    mean, spread = (np.array(export["source"][key], np.float32) for key in ("mean", "spread"))

    def answer(paths: Sequence[str]) -> list[Any]:
        series = [(np.load(path).astype(np.float32) - mean) / spread for path in paths]
        lengths = np.array([len(steps) for steps in series], np.int64)
        source = np.stack([np.pad(steps, ((0, max(lengths) - len(steps)), (0, 0))) for steps in series])
        best = run({"source": source, "lengths": lengths})["logits"].argmax(-1)
        return ["\t".join(export["names"][i] for i in row[:n]) for row, n in zip(best, lengths, strict=True)]

    return answer


def writer(export: Export, opened: Callable[[str], Run], folder: Path) -> Ask:
    """Captions of pictures, or pictures for texts, as long as they may be; the greedy search of docs/export.md."""
    encoder, step, draws = opened("encoder"), opened("step"), "length" in export
    paint = opened("paint") if draws else None
    encode = tokenizer(folder, export["source"])[0] if draws else None
    decode = None if draws else tokenizer(folder, export["target"])[1]

    def search(inputs: Sequence[str]) -> list[Any]:
        if encode:
            source, lengths = padded([encode(text) + export["source"]["after"] for text in inputs])
            state = encoder({"source": source, "lengths": lengths})
        else:
            state = encoder({"source": read(inputs, export["source"])})
        limit = export["length"] if draws else min(export["slack"], export["limit"] or np.inf)
        tokens, finished, written = np.full(len(inputs), export["begin"], np.int64), np.zeros(len(inputs), bool), []
        while len(written) < limit and not finished.all():
            state |= {name.removeprefix("new."): value for name, value in step(state | {"tokens": tokens}).items()}
            state["logits"][:, export["never"]] = -np.inf
            tokens = state["logits"].argmax(-1)
            if not draws:
                tokens = np.where(finished, export["end"], tokens)
                finished = finished | (tokens == export["end"])
            written.append(tokens)
        generated = np.array(written).T
        if paint:
            codes = generated - export["first"]
            return [drawn(*each) for each in zip(codes.tolist(), paint({"codes": codes})["pictures"], strict=True)]
        assert decode
        return [decode([i for i in row if i != export["end"]]) for row in generated.tolist()]

    return lambda inputs, _: [each for few in in_parts(inputs) for each in search(few)]


def drawn(codes: Sequence[int], picture: np.ndarray) -> str:
    """The codes of a picture, which is written as a PNG file, too."""
    Image.fromarray(picture).save(BytesIO(), "PNG")
    return " ".join(map(str, codes))


def tokenizer(folder: Path, side: Export) -> tuple[Callable[[str], list[int]], Callable[[Sequence[int]], str]]:
    """Texts to a side's ids, and back."""
    from tokenizers import Tokenizer

    inner = Tokenizer.from_file(str(folder / side["tokenizer"]))
    inner.encode_special_tokens = True

    def encode(text: str) -> list[int]:
        ids = inner.encode(text, add_special_tokens=False).ids
        return [3 if i == side["unknown"] else i + side["shift"] for i in ids]

    return encode, lambda ids: inner.decode([int(i) - side["shift"] for i in ids])


def padded(rows: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Ids (N, S) with zeros behind, and their lengths."""
    lengths = np.array([len(ids) for ids in rows], np.int64)
    return np.array([[*ids, *[0] * (max(lengths) - len(ids))] for ids in rows], np.int64), lengths


def read(paths: Sequence[str], form: Export, crop: bool = False) -> np.ndarray:
    """Pictures as bytes (N, H, W, C) of the size that the graph reads, by Pillow."""
    size = form["size"]

    def square(path: str) -> np.ndarray:
        picture = Image.open(path).convert("RGB")
        if not crop:
            return np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR))
        wide, high = (round(size / min(picture.size) * side) for side in picture.size)
        left, top = (wide - size) // 2, (high - size) // 2
        picture = picture.resize((wide, high), Image.Resampling.BICUBIC)
        return np.asarray(picture.crop((left, top, left + size, top + size)))

    return np.stack([square(path) for path in paths])


def open_graph(library: str, path: Path, threads: int) -> Run:
    """What runs an exported graph: inputs and outputs by their names."""
    if library == "openvino":
        from openvino import Core

        options = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        compiled = Core().compile_model(str(path), "CPU", options)
        asked = {port.get_any_name() for port in compiled.inputs}

        def by_openvino(inputs: Arrays) -> Arrays:
            outputs = compiled({name: inputs[name] for name in asked})
            return {port.get_any_name(): value for port, value in outputs.items()}

        return by_openvino
    from onnxruntime import InferenceSession, SessionOptions

    settings = SessionOptions()
    settings.intra_op_num_threads = threads
    session = InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    asked, given = ([node.name for node in nodes] for nodes in (session.get_inputs(), session.get_outputs()))

    def run(inputs: Arrays) -> Arrays:
        return dict(zip(given, session.run(None, {name: inputs[name] for name in asked}), strict=True))

    return run
