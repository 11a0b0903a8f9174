"""Sequences with a label at each step: videos, series, sentences."""
