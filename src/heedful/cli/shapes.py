"""A network as a diagram of text: how positions are connected, and what the answer is computed from."""

from dataclasses import dataclass

from heedful.networks.configs import (
    FrameEncoderConfig,
    MinGRUConfig,
    RecurrentDecoderConfig,
    RecurrentEncoderConfig,
    TransformerConfig,
)
from heedful.networks.settings import DECODING, Join, decoder_config, encoder_config
from heedful.schema import NetworkSettings


@dataclass(frozen=True)
class Diagram:
    """What a diagram shows: the settings of a network and how its parts are joined.

    `from_picture`: it reads pictures; `to_picture`: it writes one; `encoder`: the settings of another kind of encoder.
    """

    settings: NetworkSettings
    join: Join
    from_picture: bool = False
    to_picture: bool = False
    encoder: NetworkSettings | None = None


def draw_diagram(diagram: Diagram) -> str:
    """The diagram, and a line that says how positions are connected."""
    settings = diagram.settings
    if diagram.join == "decoder":
        writing_sign = arrow(settings)
        return f"{DECODER_FIGURE.replace('~', writing_sign)}\n   {writing_sign} {WRITING_LEGEND[writing_sign]}\n"
    reading_sign = joining_sign(diagram.encoder or settings, diagram.join)
    if diagram.join in DECODING:
        return draw_encoder_decoder(diagram, reading_sign)
    single_picture = diagram.from_picture and diagram.join == "encoder_pooled"
    figure = PICTURE_FIGURE if single_picture else READING_FIGURES[diagram.join]
    return f"{figure.replace('~', reading_sign)}\n   {legend(settings, reading_sign, single_picture)}\n"


def draw_encoder_decoder(diagram: Diagram, reading_sign: str) -> str:
    """The diagram of an encoder and a decoder."""
    decoder, writing_sign = decoder_config(diagram.settings), arrow(diagram.settings)
    one_vector = isinstance(decoder, RecurrentDecoderConfig) and decoder.attends == "never"
    bridge = "── one vector ──▶" if one_vector else "══ all positions ══▶"
    gap = " " * len(bridge)
    blocks, arrows, inputs, source = (
        ("   ■   ", "   ↑   ", "   □   ", "a picture")
        if diagram.from_picture
        else (f"   ■ {reading_sign} ■ {reading_sign} ■   ", "   ↑   ↑   ↑   ", "   □   □   □   ", "source")
    )
    answer, so_far = ("    ○       a picture", "its codes") if diagram.to_picture else ("○   ○   ○   target", "target")
    reading_legend = legend(diagram.settings, reading_sign, diagram.from_picture)
    return "\n".join(
        [
            f"{' ' * len(blocks)}{gap}  {answer}",
            f"{' ' * len(blocks)}{gap}  ↑   ↑   ↑",
            f"{blocks}{bridge}  ■ {writing_sign} ■ {writing_sign} ■",
            f"{arrows}{gap}  ↑   ↑   ↑",
            f"{inputs}{gap}  ·   ○   ○   {so_far} so far",
            f"   {source}",
            "",
            f"   {reading_legend}   {writing_sign} {WRITING_LEGEND[writing_sign]}",
            "",
        ]
    )


def legend(settings: NetworkSettings, reading_sign: str, from_picture: bool) -> str:
    """How the source is read; in words alone for a picture, whose patches the diagram does not show."""
    if not from_picture:
        return f"{reading_sign} {READING_LEGEND[reading_sign]}".strip()
    if settings.patch == "whole":
        return "the picture as a whole"
    return f"{'rows' if settings.patch == 'rows' else 'patches'} of the picture: {READING_LEGEND[reading_sign]}"


def arrow(settings: NetworkSettings) -> str:
    """The sign for how the decoder connects positions."""
    decoder = decoder_config(settings)
    return "⇒" if isinstance(decoder, TransformerConfig) and not decoder.recurrent else "→"


def joining_sign(settings: NetworkSettings, join: Join) -> str:
    """The sign for how the encoder connects positions."""
    encoder = encoder_config(settings)
    if isinstance(encoder, FrameEncoderConfig):
        return " "
    if isinstance(encoder, MinGRUConfig):
        return "→" if settings.causal is True else "⇄"
    if isinstance(encoder, RecurrentEncoderConfig):
        bidirectional = encoder.bidirectional or (join == "encoder_steps" and not settings.causal)
        return "⇄" if bidirectional else "←" if encoder.reverse else "→"
    return "→" if settings.causal is True else "═"


OWN_DIAGRAMS: dict[str, tuple[Join, bool]] = {
    "vit": ("encoder_pooled", True),
    "clip": ("two_encoders", False),
    "frame": ("encoder_steps", False),
}
"""Rows that were made for another join than the first that fits, and whether they read pictures."""
WRITING_LEGEND = {"→": "each step after the last", "⇒": "each position looks at those before it"}
READING_LEGEND = {
    "═": "every position looks at every other",
    "⇄": "read both ways",
    "←": "read backwards",
    "→": "read forwards",
    " ": "each position by itself",
}

DECODER_FIGURE = """\
   ○   ○   ○   text
   ↑   ↑   ↑
   ■ ~ ■ ~ ■
   ↑   ↑   ↑
   ·   ○   ○   text so far
"""

PICTURE_FIGURE = """\
   ○   one answer
   ↑
   ■
   ↑
   □   a picture
"""

# Diagrams of networks without a decoder; ~ stands for how positions are connected.
READING_FIGURES: dict[Join, str] = {
    "encoder_pooled": """\
           ○   one answer
           ↑
   ■ ~ ■ ~ ■
   ↑   ↑   ↑
   □   □   □   source
""",
    "encoder_steps": """\
   ○   ○   ○   an answer for each position
   ↑   ↑   ↑
   ■ ~ ■ ~ ■
   ↑   ↑   ↑
   □   □   □   source
""",
    "encoder_tokens": """\
       ○       the word that is missing
       ↑
   ■ ~ ■ ~ ■
   ↑   ↑   ↑
   □   ?   □   text with a gap
""",
    "two_encoders": """\
           ●  near or far?  ●
           ↑                ↑
   ■ ~ ■ ~ ■        ■ ~ ■ ~ ■
   ↑   ↑   ↑        ↑   ↑   ↑
   □   □   □        □   □   □
   picture          text
""",
}
