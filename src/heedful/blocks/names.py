"""The names by which settings choose among parts. Nothing here imports torch, so that settings need none."""

from typing import Literal

Activation = Literal["relu", "gelu", "gelu_tanh", "quick_gelu", "silu"]
Cell = Literal["rnn", "lstm", "gru"]
NormKind = Literal["layer", "rms"]
NormOrder = Literal["pre", "post"]
ScoreName = Literal["additive", "dot", "general", "concat"]
PositionName = Literal["sinusoidal", "learned", "rotary", "grid", "line"]
"""`grid` and `line` are those of a picture's patches: 2-D sinusoidal ones, and learned 1-D ones with a class token."""

EPSILON = 1e-5  # what a norm adds to the variance, unless a network says otherwise
