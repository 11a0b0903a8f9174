"""Tiny models of every family that the hub reads, drawn by a seed, made and saved by transformers: the oracle.

N sources   S source positions   T target positions
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor, nn
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

oracle: Any = transformers
"""Too many shapes of arguments for a checker of types."""
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

ACTIVATIONS = ("gelu", "gelu_new", "relu", "quick_gelu", "silu")
Outputs = dict[str, Tensor]


@dataclass(frozen=True)
class Case:
    """A model of theirs, and the same questions for it and for ours."""

    model: Any
    theirs: Callable[[Any], Outputs]
    ours: Callable[[Any], Outputs]
    processor: Any = None

    def save(self, folder: Path) -> Path:
        self.model.save_pretrained(folder)
        if self.processor is not None:
            self.processor.save_pretrained(folder)
        return folder


def draw_case(family: str, seed: int) -> Case:
    """A model drawn by the seed, with weights so large that all of it matters."""
    torch.manual_seed(seed)
    instance = FAMILIES[family](random.Random(f"{family} {seed}"))
    randomize_weights(instance.model.eval())
    return instance


@torch.no_grad()
def randomize_weights(model: nn.Module, std: float = 0.3) -> None:
    """Weights that are far from where training begins."""
    computed = ("embed_positions", "inv_freq")
    for name, weight in [*model.named_parameters(), *model.named_buffers()]:
        if name.endswith("logit_scale") or not weight.is_floating_point() or any(part in name for part in computed):
            continue
        if weight.dim() == 1 and name.endswith("weight"):
            weight.normal_(1, 0.2)
        elif name.endswith("bias"):
            weight.normal_(0, 0.1)
        else:
            weight.normal_(0, std)


def sizes(rng: random.Random) -> tuple[int, int]:
    """Width and heads: odd numbers too."""
    heads = rng.choice((1, 2, 3))
    return heads * rng.choice((4, 5, 6, 7)), heads


def ids(rng: random.Random, shape: tuple[int, ...], low: int, high: int) -> Tensor:
    return torch.randint(low, high, shape, generator=torch.Generator().manual_seed(rng.randrange(2**31)))


def attention_mask(lengths: Tensor, size: int) -> Tensor:
    return (torch.arange(size) < lengths.unsqueeze(1)).long()


def gpt2(rng: random.Random) -> Case:
    config = gpt2_config(rng)
    kind = rng.choice(("GPT2LMHeadModel", "GPT2LMHeadModel", "GPT2Model"))
    if kind == "GPT2Model":
        config.tie_word_embeddings = True
    model = getattr(oracle, kind)(config)
    tokens = ids(rng, (3, config.n_positions), 0, config.vocab_size)

    def theirs(model: Any) -> Outputs:
        if kind == "GPT2LMHeadModel":
            return {"logits": model(tokens).logits}
        return {"logits": model(tokens).last_hidden_state @ model.wte.weight.T}

    return Case(model, theirs, lambda network: {"logits": network.decoder.logits(network(tokens))})


def gpt2_config(rng: random.Random, **changes: Any) -> Any:
    width, heads = sizes(rng)
    return oracle.GPT2Config(
        vocab_size=rng.randrange(11, 40),
        n_positions=rng.randrange(5, 12),
        n_embd=width,
        n_layer=rng.randrange(1, 4),
        n_head=heads,
        n_inner=rng.choice((None, None, rng.randrange(5, 30))),
        activation_function=rng.choice(ACTIVATIONS),
        layer_norm_epsilon=rng.choice((1e-5, 1e-3)),
        tie_word_embeddings=rng.random() < 0.7,
        bos_token_id=0,
        eos_token_id=0,
        **changes,
    )


def qwen3(rng: random.Random) -> Case:
    heads = rng.choice((1, 2, 3))
    width = heads * rng.choice((4, 6))
    config = oracle.Qwen3Config(
        vocab_size=rng.randrange(11, 40),
        max_position_embeddings=rng.randrange(5, 12),
        hidden_size=width,
        num_hidden_layers=rng.randrange(1, 4),
        num_attention_heads=heads,
        num_key_value_heads=heads,
        head_dim=width // heads,
        intermediate_size=rng.randrange(5, 30),
        hidden_act=rng.choice(ACTIVATIONS),
        rms_norm_eps=rng.choice((1e-6, 1e-3)),
        tie_word_embeddings=rng.random() < 0.7,
        bos_token_id=0,
        eos_token_id=0,
    )
    model = oracle.Qwen3ForCausalLM(config)
    tokens = ids(rng, (3, config.max_position_embeddings), 0, config.vocab_size)
    return Case(
        model,
        lambda model: {"logits": model(tokens).logits},
        lambda network: {"logits": network.decoder.logits(network(tokens))},
    )


BERTS = ("Model", "ForMaskedLM", "ForPreTraining", "ForSequenceClassification", "ForTokenClassification")
KIN = tuple(kind for kind in BERTS if kind != "ForPreTraining")


def bert(rng: random.Random) -> Case:
    return text_encoder(rng, "Bert", rng.choice(BERTS), bert_config(rng, "Bert", rng.randrange(6, 12)))


def roberta(rng: random.Random, family: str = "Roberta") -> Case:
    """Positions are counted from behind the padding's."""
    pad = rng.choice((0, 1, 1))
    config = bert_config(rng, family, rng.randrange(6, 12) + pad + 1, pad_token_id=pad)
    return text_encoder(rng, family, rng.choice(KIN), config)


def xlm_roberta(rng: random.Random) -> Case:
    return roberta(rng, "XLMRoberta")


def distilbert(rng: random.Random) -> Case:
    width, heads = sizes(rng)
    config = oracle.DistilBertConfig(
        vocab_size=rng.randrange(11, 40),
        dim=width,
        n_layers=rng.randrange(1, 4),
        n_heads=heads,
        hidden_dim=rng.randrange(5, 30),
        max_position_embeddings=rng.randrange(6, 12),
        sinusoidal_pos_embds=rng.random() < 0.3,
        activation=rng.choice(ACTIVATIONS),
        tie_word_embeddings=rng.random() < 0.7,
        num_labels=rng.randrange(2, 6),
    )
    return text_encoder(rng, "DistilBert", rng.choice(KIN), config)


def bert_config(rng: random.Random, family: str, positions: int, **changes: Any) -> Any:
    width, heads = sizes(rng)
    return getattr(oracle, f"{family}Config")(
        vocab_size=rng.randrange(11, 40),
        hidden_size=width,
        num_hidden_layers=rng.randrange(1, 4),
        num_attention_heads=heads,
        intermediate_size=rng.randrange(5, 30),
        max_position_embeddings=positions,
        type_vocab_size=rng.choice((1, 2, 3)),
        hidden_act=rng.choice(ACTIVATIONS),
        layer_norm_eps=rng.choice((1e-12, 1e-3)),
        tie_word_embeddings=rng.random() < 0.7,
        num_labels=rng.randrange(2, 6),
        **changes,
    )


def text_encoder(rng: random.Random, family: str, kind: str, config: Any) -> Case:
    """A reader of texts, with one of the layers on top or none."""
    more = {"add_pooling_layer": rng.random() < 0.5} if kind == "Model" and family != "DistilBert" else {}
    model = getattr(oracle, f"{family}{kind}")(config, **more)
    apart, pad = getattr(config, "type_vocab_size", 0), config.pad_token_id
    lengths = torch.tensor([6, 2, 4])
    real = attention_mask(lengths, 6)
    tokens = ids(rng, (3, 6), pad + 1, config.vocab_size).masked_fill(real == 0, pad)
    texts = ids(rng, (3, 6), 0, apart) if apart else None

    def theirs(model: Any) -> Outputs:
        outputs = model(tokens, attention_mask=real, **({"token_type_ids": texts} if apart else {}))
        if kind == "Model":
            pooled = {"pooled": outputs.pooler_output} if getattr(outputs, "pooler_output", None) is not None else {}
            return {"vectors": outputs.last_hidden_state[real.bool()]} | pooled
        logits = outputs.prediction_logits if kind == "ForPreTraining" else outputs.logits
        return {"logits": logits if logits.dim() == 2 else logits[real.bool()]}

    def ours(network: Any) -> Outputs:
        memory = network(tokens if texts is None else torch.stack([tokens, texts], -1), lengths)
        if kind == "Model":
            pooled = {"pooled": network.pooled_vector(memory)} if network.pooler is not None else {}
            return {"vectors": memory.vectors[real.bool()]} | pooled
        memory = network.logits(memory) if kind in ("ForMaskedLM", "ForPreTraining") else memory
        return {"logits": memory if memory.dim() == 2 else memory[real.bool()]}

    return Case(model, theirs, ours)


def vit_config(rng: random.Random) -> Any:
    width, heads = sizes(rng)
    patch = rng.choice((2, 3, 4))
    return oracle.ViTConfig(
        hidden_size=width,
        num_hidden_layers=rng.randrange(1, 4),
        num_attention_heads=heads,
        intermediate_size=rng.randrange(5, 30),
        hidden_act=rng.choice(ACTIVATIONS),
        layer_norm_eps=rng.choice((1e-12, 1e-3)),
        image_size=patch * rng.choice((1, 2, 3)),
        patch_size=patch,
        qkv_bias=rng.random() < 0.6,
        pooler_output_size=rng.choice((None, 5)),
    )


def draw_pictures(rng: random.Random, size: int, processor: Any) -> tuple[Tensor, Tensor]:
    """Pictures as bytes, and as their preprocessing leaves them."""
    pictures = ids(rng, (3, size, size, 3), 0, 256).to(torch.uint8)
    mean, std = torch.tensor(processor.image_mean), torch.tensor(processor.image_std)
    return pictures, ((pictures / 255 - mean) / std).permute(0, 3, 1, 2)


def vit_processor(size: int) -> Any:
    mean, std = [0.5, 0.4, 0.3], [0.5, 0.6, 0.7]
    return ViTImageProcessorPil(size={"height": size, "width": size}, image_mean=mean, image_std=std)


def vit(rng: random.Random) -> Case:
    config = vit_config(rng)
    config.num_labels = rng.randrange(2, 6)
    processor = vit_processor(config.image_size)
    pictures, values = draw_pictures(rng, config.image_size, processor)
    kind = rng.choice(("ViTModel", "ViTForImageClassification"))
    more = {"add_pooling_layer": rng.random() < 0.5} if kind == "ViTModel" else {}
    model = getattr(oracle, kind)(config, **more)
    lengths = torch.full((3,), (config.image_size // config.patch_size) ** 2 + 1)

    def theirs(model: Any) -> Outputs:
        outputs = model(values)
        if kind != "ViTModel":
            return {"logits": outputs.logits}
        pooled = {"pooled": outputs.pooler_output} if outputs.pooler_output is not None else {}
        return {"vectors": outputs.last_hidden_state} | pooled

    def ours(network: Any) -> Outputs:
        outputs = network(pictures, lengths)
        if kind != "ViTModel":
            return {"logits": outputs}
        pooled = {"pooled": network.pooled_vector(outputs)} if network.pooler is not None else {}
        return {"vectors": outputs.vectors} | pooled

    return Case(model, theirs, ours, processor)


def clip(rng: random.Random) -> Case:
    (vision_width, vision_heads), (width, heads), patch = sizes(rng), sizes(rng), rng.choice((2, 3, 4))
    vocabulary, size = rng.randrange(11, 40), patch * rng.choice((1, 2, 3))
    common = {"hidden_act": rng.choice(ACTIVATIONS), "layer_norm_eps": rng.choice((1e-5, 1e-3))}
    end = rng.choice((2, vocabulary - 1))  # 2: old files, where the last token is the one with the highest id
    config = oracle.CLIPConfig(
        text_config={
            "vocab_size": vocabulary,
            "hidden_size": width,
            "num_hidden_layers": rng.randrange(1, 4),
            "num_attention_heads": heads,
            "intermediate_size": rng.randrange(5, 30),
            "max_position_embeddings": 8,
            "eos_token_id": end,
            "bos_token_id": 0,
            **common,
        },
        vision_config={
            "hidden_size": vision_width,
            "num_hidden_layers": rng.randrange(1, 4),
            "num_attention_heads": vision_heads,
            "intermediate_size": rng.randrange(5, 30),
            "image_size": size,
            "patch_size": patch,
            **common,
        },
        projection_dim=rng.randrange(3, 9),
    )
    processor = CLIPImageProcessorPil(
        size={"shortest_edge": size},
        crop_size={"height": size, "width": size},
        image_mean=[0.5, 0.4, 0.3],
        image_std=[0.5, 0.6, 0.7],
    )
    pictures, values = draw_pictures(rng, size, processor)
    lengths, tokens = torch.tensor([8, 3, 5]), ids(rng, (3, 8), 3, vocabulary - 1)
    for row, length in enumerate(lengths):
        tokens[row, length - 1 :] = vocabulary - 1
    if end == vocabulary - 1:
        tokens[1, 5:] = 1
    patches = torch.full((3,), (size // patch) ** 2 + 1)

    def theirs(model: Any) -> Outputs:
        outputs = model(input_ids=tokens, pixel_values=values)
        return {"logits": outputs.logits_per_image, "pictures": outputs.image_embeds, "texts": outputs.text_embeds}

    def ours(network: Any) -> Outputs:
        embedded = network.embed(0, pictures, patches), network.embed(1, tokens, lengths)
        logits = network((pictures, patches), (tokens, lengths))
        return {"logits": logits, "pictures": embedded[0], "texts": embedded[1]}

    return Case(oracle.CLIPModel(config), theirs, ours, processor)


def marian(rng: random.Random) -> Case:
    heads, shared = rng.choice((1, 2, 3)), rng.random() < 0.6
    width = heads * rng.choice((4, 6, 8))
    vocabulary, target = rng.randrange(20, 40), rng.randrange(15, 20)
    model = oracle.MarianMTModel(
        oracle.MarianConfig(
            vocab_size=vocabulary,
            decoder_vocab_size=None if shared else target,
            d_model=width,
            encoder_layers=rng.randrange(1, 4),
            decoder_layers=rng.randrange(1, 4),
            encoder_attention_heads=heads,
            decoder_attention_heads=rng.choice((1, heads)),
            encoder_ffn_dim=rng.randrange(5, 30),
            decoder_ffn_dim=rng.randrange(5, 30),
            activation_function=rng.choice((*ACTIVATIONS, "swish")),
            scale_embedding=rng.random() < 0.5,
            share_encoder_decoder_embeddings=shared,
            tie_word_embeddings=shared or rng.random() < 0.5,
            max_position_embeddings=16,
            pad_token_id=1,
            decoder_start_token_id=1,
            eos_token_id=0,
            forced_eos_token_id=0,
        )
    )
    lengths = torch.tensor([6, 2, 4])
    source, target_ids = ids(rng, (3, 6), 2, 15), ids(rng, (3, 7), 2, 15)
    real = attention_mask(lengths, 6)

    def theirs(model: Any) -> Outputs:
        return {"logits": model(input_ids=source, attention_mask=real, decoder_input_ids=target_ids).logits}

    def ours(network: Any) -> Outputs:
        return {"logits": network.decoder.logits(network(source, lengths, target_ids))}

    return Case(model, theirs, ours)


def captioner(rng: random.Random) -> Case:
    encoder = vit_config(rng)
    decoder = gpt2_config(rng)
    if rng.random() < 0.5:
        encoder.hidden_size = decoder.n_embd
        encoder.num_attention_heads = decoder.n_head
    processor = vit_processor(encoder.image_size)
    pictures, values = draw_pictures(rng, encoder.image_size, processor)
    config = oracle.VisionEncoderDecoderConfig.from_encoder_decoder_configs(encoder, decoder)
    config.decoder_start_token_id, config.pad_token_id = 0, 0
    target_ids = ids(rng, (3, decoder.n_positions), 0, decoder.vocab_size)
    lengths = torch.full((3,), (encoder.image_size // encoder.patch_size) ** 2 + 1)

    def theirs(model: Any) -> Outputs:
        return {"logits": model(pixel_values=values, decoder_input_ids=target_ids).logits}

    def ours(network: Any) -> Outputs:
        return {"logits": network.decoder.logits(network(pictures, lengths, target_ids))}

    return Case(oracle.VisionEncoderDecoderModel(config), theirs, ours, processor)


FAMILIES: dict[str, Callable[[random.Random], Case]] = {
    "gpt2": gpt2,
    "qwen3": qwen3,
    "bert": bert,
    "distilbert": distilbert,
    "roberta": roberta,
    "xlm-roberta": xlm_roberta,
    "vit": vit,
    "clip": clip,
    "marian": marian,
    "captioner": captioner,
}
