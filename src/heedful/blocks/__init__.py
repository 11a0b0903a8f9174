"""The parts, each a paper's idea."""
