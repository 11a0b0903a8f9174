"""Folders as they are published, small enough to be asked in a test: every family, drawn by transformers, with a
vocabulary that real packages hold or that is learnt from a few lines.
"""

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from support.families import CLIPImageProcessorPil, ViTImageProcessorPil, oracle, randomize_weights
from support.packaged_weights import GPT3, MINILM, SITE

MERGES = SITE / "open_clip" / "bpe_simple_vocab_16e6.txt.gz"
LINES = (
    "The old house stands near the river.",
    "Das alte Haus steht am Fluss.",
    "A man reads a book in the garden.",
    "Ein Mann liest ein Buch im Garten.",
    "Two dogs and three cats: who sleeps, who eats?",
    "Zwei Hunde und drei Katzen: wer schläft, wer frisst?",
)
NAMES = ["cat", "dog", "owl"]
SIZE, PATCH = 12, 4


def gpt2(folder: Path, **changes: Any) -> Path:
    """GPT-2's real vocabulary on a small network."""
    sizes = {"n_embd": 24, "n_layer": 2, "n_head": 3, "n_positions": 32}
    save(oracle.GPT2LMHeadModel(oracle.GPT2Config(vocab_size=50257, **sizes, **changes)), folder)
    (folder / "vocab.json").write_bytes((GPT3 / "encoder.json").read_bytes())
    (folder / "merges.txt").write_bytes((GPT3 / "vocab.bpe").read_bytes())
    return folder


def qwen3(folder: Path) -> Path:
    """The same pieces on a small network whose heads have their own keys, with a tokenizer.json, as its family has."""
    sizes = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "num_key_value_heads": 3}
    sizes |= {"head_dim": 8, "intermediate_size": 30, "max_position_embeddings": 32}
    save(oracle.Qwen3ForCausalLM(oracle.Qwen3Config(vocab_size=50257, **sizes)), folder)
    words = oracle.GPT2Tokenizer.from_pretrained(gpt2(folder / "gpt2"))
    words.save_pretrained(folder)
    shutil.rmtree(folder / "gpt2")
    return folder


def bert(folder: Path, kind: str = "BertForMaskedLM", **changes: Any) -> Path:
    """MiniLM's real vocabulary on a small network."""
    sizes: dict[str, Any] = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3}
    sizes |= {"intermediate_size": 30, "max_position_embeddings": 40}
    config = oracle.BertConfig(**(sizes | changes))
    save(getattr(oracle, kind)(config), folder)
    for name in ("vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        if (MINILM / name).exists():
            shutil.copy(MINILM / name, folder / name)
    return folder


KIN_SIZES = {"num_labels": len(NAMES), "id2label": dict(enumerate(NAMES))}
KIN_SIZES |= {"label2id": {name: number for number, name in enumerate(NAMES)}}


def distilbert(folder: Path, kind: str = "ForMaskedLM") -> Path:
    """The same vocabulary, under another family's network."""
    sizes = {"dim": 24, "n_layers": 2, "n_heads": 3, "hidden_dim": 30, "max_position_embeddings": 40}
    save(getattr(oracle, f"DistilBert{kind}")(oracle.DistilBertConfig(**sizes, **KIN_SIZES)), folder)
    shutil.copy(MINILM / "vocab.txt", folder / "vocab.txt")
    return folder


def roberta(folder: Path, kind: str = "ForMaskedLM") -> Path:
    """GPT-2's real pieces between the special tokens of RoBERTa, as vocabulary and merges."""
    pieces = json.loads((GPT3 / "encoder.json").read_text())
    del pieces["<|endoftext|>"]
    entries = ["<s>", "<pad>", "</s>", "<unk>", *sorted(pieces, key=lambda piece: pieces[piece]), "<mask>"]
    kin_of_roberta(folder, f"Roberta{kind}", "RobertaConfig", len(entries))
    (folder / "vocab.json").write_text(json.dumps({entry: number for number, entry in enumerate(entries)}))
    (folder / "merges.txt").write_bytes((GPT3 / "vocab.bpe").read_bytes())
    return folder


def xlm_roberta(folder: Path, kind: str = "ForMaskedLM") -> Path:
    """A few pieces of a unigram model, as a tokenizer.json."""
    folder.mkdir(parents=True)
    (folder / "lines.txt").write_text("\n".join(LINES), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "lines.txt"), model_prefix=str(folder / "pieces"), vocab_size=60, minloglevel=2
    )
    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / "pieces.model"))
    pieces = [(model.id_to_piece(number), model.get_score(number)) for number in range(3, model.get_piece_size())]
    shutil.rmtree(folder)
    special = [(token, 0.0) for token in ("<s>", "<pad>", "</s>", "<unk>")]
    vocabulary = [*special, *pieces, ("<mask>", 0.0)]
    kin_of_roberta(folder, f"XLMRoberta{kind}", "XLMRobertaConfig", len(vocabulary))
    oracle.XLMRobertaTokenizer(vocab=vocabulary).save_pretrained(folder)
    return folder


def kin_of_roberta(folder: Path, kind: str, config: str, vocabulary: int) -> None:
    sizes = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 30}
    sizes |= {"vocab_size": vocabulary, "max_position_embeddings": 130, "type_vocab_size": 1}
    save(getattr(oracle, kind)(getattr(oracle, config)(**sizes, **KIN_SIZES)), folder)


def classes(names: list[str]) -> dict[str, Any]:
    return {"id2label": dict(enumerate(names)), "label2id": {name: number for number, name in enumerate(names)}}


def vit_config(**changes: Any) -> Any:
    sizes = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 30}
    return oracle.ViTConfig(**sizes, image_size=SIZE, patch_size=PATCH, **changes)


def vit_pictures(folder: Path) -> None:
    size, mean, std = {"height": SIZE, "width": SIZE}, [0.5, 0.4, 0.3], [0.5, 0.6, 0.7]
    ViTImageProcessorPil(size=size, image_mean=mean, image_std=std).save_pretrained(folder)


def vit(folder: Path) -> Path:
    save(oracle.ViTForImageClassification(vit_config(**classes(NAMES))), folder)
    vit_pictures(folder)
    return folder


def clip(folder: Path) -> Path:
    """CLIP's real vocabulary on a small network: 77 positions."""
    sizes = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 30}
    ends = {"bos_token_id": 49406, "eos_token_id": 49407}
    text = sizes | ends | {"vocab_size": 49408, "max_position_embeddings": 77}
    sight = sizes | {"hidden_size": 30, "image_size": SIZE, "patch_size": PATCH}
    save(oracle.CLIPModel(oracle.CLIPConfig(text_config=text, vision_config=sight, projection_dim=20)), folder)
    size, crop = {"shortest_edge": SIZE + 4}, {"height": SIZE, "width": SIZE}
    CLIPImageProcessorPil(size=size, crop_size=crop).save_pretrained(folder)
    merges = gzip.decompress(MERGES.read_bytes()).decode().splitlines()[1 : 49152 - 256 - 2 + 1]
    letters = [*bytes_as_letters().values()]
    entries = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(row.split()) for row in merges)]
    entries += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({entry: number for number, entry in enumerate(entries)}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n")
    return folder


def bytes_as_letters() -> dict[int, str]:
    """The letters that stand for bytes, in the order of GPT-2's table."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    unprintable = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {
        byte: chr(256 + number) for number, byte in enumerate(unprintable)
    }


def marian(folder: Path) -> Path:
    """Two vocabularies of sentencepiece, learnt from a few lines."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lines.txt").write_text("\n".join(LINES * 20), encoding="utf-8")
    entries = ["</s>", "<unk>"]
    for side in ("source", "target"):
        sentencepiece.SentencePieceTrainer.train(
            input=str(folder / "lines.txt"), model_prefix=str(folder / side), vocab_size=60, minloglevel=2
        )
        (folder / f"{side}.model").rename(folder / f"{side}.spm")
        (folder / f"{side}.vocab").unlink()
        model = sentencepiece.SentencePieceProcessor(model_file=str(folder / f"{side}.spm"))
        entries += [model.id_to_piece(number) for number in range(3, model.get_piece_size())]
    (folder / "lines.txt").unlink()
    entries = [*dict.fromkeys(entries), ">>de<<", "<pad>"]
    (folder / "vocab.json").write_text(json.dumps({entry: number for number, entry in enumerate(entries)}))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "MarianTokenizer"}))
    pad, sides = len(entries) - 1, {"attention_heads": 3, "layers": 2, "ffn_dim": 30}
    sizes = {f"{side}_{key}": value for side in ("encoder", "decoder") for key, value in sides.items()}
    ids = {"pad_token_id": pad, "decoder_start_token_id": pad, "eos_token_id": 0, "forced_eos_token_id": 0}
    config = oracle.MarianConfig(
        vocab_size=len(entries), d_model=24, scale_embedding=True, max_position_embeddings=40, **sizes, **ids
    )
    save(oracle.MarianMTModel(config), folder, bad_words_ids=[[pad]], max_length=30, num_beams=1, **ids)
    file = folder / "model.safetensors"
    tensors = load_file(file)
    tensors["final_logits_bias"][0, 0] = 4.0  # so that some answers end
    save_file(tensors, file, metadata={"format": "pt"})
    return folder


def captioner(folder: Path) -> Path:
    """A ViT that is looked at by a GPT-2."""
    sizes = {"n_embd": 24, "n_layer": 2, "n_head": 3, "n_positions": 32}
    decoder = oracle.GPT2Config(vocab_size=50257, **sizes, add_cross_attention=True, is_decoder=True)
    config = oracle.VisionEncoderDecoderConfig.from_encoder_decoder_configs(vit_config(), decoder)
    ids = {"decoder_start_token_id": 50256, "pad_token_id": 50256, "eos_token_id": 50256}
    for key, value in ids.items():
        setattr(config, key, value)
    save(oracle.VisionEncoderDecoderModel(config), folder, max_length=12, num_beams=1, **ids)
    vit_pictures(folder)
    (folder / "vocab.json").write_bytes((GPT3 / "encoder.json").read_bytes())
    (folder / "merges.txt").write_bytes((GPT3 / "vocab.bpe").read_bytes())
    return folder


MODELS = {
    "gpt2": gpt2,
    "qwen3": qwen3,
    "bert": bert,
    "vit": vit,
    "clip": clip,
    "marian": marian,
    "captioner": captioner,
}


def save(model: Any, folder: Path, **search: Any) -> None:
    """Writes a model whose weights are far from where training begins, and what it says of the search."""
    torch.manual_seed(0)
    randomize_weights(model, std=0.3)
    for key, value in search.items():
        setattr(model.generation_config, key, value)
    model.save_pretrained(folder)


def picture(path: Path, seed: int, shape: tuple[int, int] = (SIZE + 9, SIZE + 3)) -> Path:
    """A picture that is not square."""
    noise = np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise).save(path)
    return path
