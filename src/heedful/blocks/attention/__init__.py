"""The ways of looking back, side by side: additive (Bahdanau), dot, general, concat (Luong), multi-head (Vaswani)."""

from heedful.blocks.attention.multihead import Attention, Cache, KeyValue
from heedful.blocks.attention.single import Additive, Dot, General, Score

__all__ = ["Additive", "Attention", "Cache", "Dot", "General", "KeyValue", "Score"]
