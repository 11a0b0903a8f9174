"""Published weights against the library that published them: outputs, gradients, there and back."""

from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from heedful import hub
from heedful.hub import files, layout
from heedful.hub.families import FAMILIES
from support import families
from support.families import Case, draw_case, oracle
from support.sampling import SIZE, sample

OF_LARGEST = 1e-4
"""How far an output may be from theirs, as a share of the largest of them."""
SEEDS = range(20)

some_cases = pytest.mark.parametrize(
    ("family", "seed"),
    [case_of_family for name in families.FAMILIES for case_of_family in sample(product([name], SEEDS), 3)],
)


def assert_close(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor], tolerance: float = OF_LARGEST) -> None:
    assert ours.keys() == theirs.keys()
    for name, other in theirs.items():
        assert ours[name].shape == other.shape and torch.isfinite(other).all()
        assert (ours[name] - other).abs().max() <= tolerance * other.abs().max(), name


@some_cases
def test_outputs_and_gradients_are_theirs(family: str, seed: int, tmp_path: Path) -> None:
    theirs = draw_case(family, seed)
    opened = hub.open(theirs.save(tmp_path / "published"))
    network = hub.network(opened)
    ours, expected = theirs.ours(network), theirs.theirs(theirs.model)
    assert_close(ours, expected)
    for outputs in (ours, expected):
        generator = torch.Generator().manual_seed(seed)
        torch.stack(
            [(tensor * torch.randn(tensor.shape, generator=generator)).sum() for tensor in outputs.values()]
        ).sum().backward()
    assert_gradients(opened, network, theirs, tmp_path / "gradients")


def assert_gradients(opened: hub.Published, network: torch.nn.Module, theirs: Case, folder: Path) -> None:
    """Theirs go the way that weights go: saved in their layout, and read by the table."""
    family = FAMILIES[opened.plan.family]
    buffers = {name for name, _ in theirs.model.named_buffers()}
    for weight in theirs.model.parameters():
        weight.data = torch.zeros_like(weight) if weight.grad is None else weight.grad
    theirs.save(folder)
    table = family.table(opened.plan)
    blank = {line.ours for line in table if isinstance(line, layout.Blank)}
    blank |= {line.ours[0] for line in table if isinstance(line, layout.Line) and line.theirs in buffers}
    expected, _ = layout.read(table, files.read_tensors(folder), family.unused_names, "gradients")
    largest = max(float(gradient.abs().max()) for gradient in expected.values())
    for name, weight in network.named_parameters():
        if name not in blank:
            ours = torch.zeros_like(weight) if weight.grad is None else weight.grad
            assert (ours - expected[name]).abs().max() <= 1e-4 * expected[name].abs().max() + 1e-5 * largest, name


@some_cases
def test_there_and_back_is_the_same(family: str, seed: int, tmp_path: Path) -> None:
    """The bytes of every tensor, every setting, and what their library computes of it; by way of a network too."""
    theirs = draw_case(family, seed)
    opened = hub.open(theirs.save(tmp_path / "published"))
    hub.write(opened, tmp_path / "back")
    hub.write(hub.with_weights(opened, hub.network(opened)), tmp_path / "through")
    before = load_file(tmp_path / "published" / "model.safetensors")
    library: Any = type(theirs.model)
    config = library.config_class.from_pretrained(tmp_path / "published").to_dict()
    for folder in (tmp_path / "back", tmp_path / "through"):
        after = load_file(folder / "model.safetensors")
        assert after.keys() == before.keys()
        assert all(after[name].numpy().tobytes() == tensor.numpy().tobytes() for name, tensor in before.items())
        assert library.config_class.from_pretrained(folder).to_dict() == config
    assert hub.Plan.parse(opened.plan.plain()) == opened.plan
    pooled = {} if not hasattr(theirs.model, "pooler") else {"add_pooling_layer": theirs.model.pooler is not None}
    back = library.from_pretrained(tmp_path / "back", **pooled).eval()
    assert_close(theirs.theirs(back), theirs.theirs(theirs.model), 0.0)


# The sizes that are published, with weights as training begins.

LAYERS = None if SIZE == "all" else 1
"""All, or one layer of the published width."""


def published_sizes(family: str) -> tuple[Any, Any]:
    """A model, and its processor if it reads pictures."""
    less = {} if LAYERS is None else {"num_hidden_layers": LAYERS}
    words = {} if LAYERS is None else {"vocab_size": 1000}
    match family:
        case "gpt2":
            return oracle.GPT2LMHeadModel(oracle.GPT2Config(**less, **words)), None
        case "qwen3":
            sizes = {"hidden_size": 1024, "intermediate_size": 3072, "head_dim": 64, "num_attention_heads": 16}
            few = {"num_key_value_heads": 16, "num_hidden_layers": LAYERS or 12, "vocab_size": 1000}
            return oracle.Qwen3ForCausalLM(oracle.Qwen3Config(**sizes, **few)), None
        case "bert":
            return oracle.BertForMaskedLM(oracle.BertConfig(**less, **words)), None
        case "distilbert":
            layers = {} if LAYERS is None else {"n_layers": LAYERS}
            return oracle.DistilBertForMaskedLM(oracle.DistilBertConfig(**layers, **words)), None
        case "roberta":
            config = oracle.RobertaConfig(max_position_embeddings=514, type_vocab_size=1, **less, **words)
            return oracle.RobertaForMaskedLM(config), None
        case "xlm-roberta":
            config = oracle.XLMRobertaConfig(max_position_embeddings=514, type_vocab_size=1, **less, **words)
            return oracle.XLMRobertaForMaskedLM(config), None
        case "vit":
            return oracle.ViTForImageClassification(oracle.ViTConfig(**less)), families.vit_processor(224)
        case "clip":
            config = oracle.CLIPConfig(text_config=less, vision_config=less)
            return oracle.CLIPModel(config), families.CLIPImageProcessorPil()
        case _:
            layers = LAYERS or 6
            config = oracle.MarianConfig(
                vocab_size=58101 if LAYERS is None else 1000,
                d_model=512,
                encoder_layers=layers,
                decoder_layers=layers,
                encoder_attention_heads=8,
                decoder_attention_heads=8,
                encoder_ffn_dim=2048,
                decoder_ffn_dim=2048,
                activation_function="swish",
                scale_embedding=True,
                max_position_embeddings=512,
                pad_token_id=999,
                decoder_start_token_id=999,
            )
            return oracle.MarianMTModel(config), None


@torch.inference_mode()
@pytest.mark.parametrize("family", [name for name in families.FAMILIES if name != "captioner"])
def test_published_sizes(family: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    model, processor = published_sizes(family)
    model.eval()
    model_case = Case(model, lambda _: {}, lambda _: {}, processor)
    network: Any = hub.network(hub.open(model_case.save(tmp_path)))
    words, longest = torch.randint(2, 999, (2, 64)), torch.tensor([64, 64])
    pictures = torch.randint(0, 256, (2, 224, 224, 3), dtype=torch.uint8)
    match family:
        case "gpt2" | "qwen3":
            ours, theirs = network.decoder.logits(network(words)), model(words).logits
        case "bert" | "distilbert" | "roberta" | "xlm-roberta":
            ours, theirs = network.logits(network(words, longest)), model(words).logits
        case "vit":
            values = prepared(pictures, processor)
            ours, theirs = network(pictures, torch.tensor([197, 197])), model(values).logits
        case "clip":
            words = torch.cat([words, torch.full((2, 1), 49407)], dim=1)
            sides = (pictures, torch.tensor([50, 50])), (words, longest + 1)
            ours = network(*sides)
            theirs = model(input_ids=words, pixel_values=prepared(pictures, processor)).logits_per_image
        case _:
            ours = network.decoder.logits(network(words, longest, words))
            theirs = model(input_ids=words, decoder_input_ids=words).logits
    assert_close({"logits": ours}, {"logits": theirs})


def prepared(pictures: torch.Tensor, processor: Any) -> torch.Tensor:
    mean, std = torch.tensor(processor.image_mean), torch.tensor(processor.image_std)
    return ((pictures / 255 - mean) / std).permute(0, 3, 1, 2)
