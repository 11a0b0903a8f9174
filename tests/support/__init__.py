"""What tests share: tiny networks and their data, published weights, other engines, a command line and a browser."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The repository."""
