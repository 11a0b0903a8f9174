"""Pairs of a source and a target."""
