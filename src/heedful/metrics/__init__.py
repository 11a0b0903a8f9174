"""Scores of answers, their uncertainty, and the baselines that stand beside them."""
