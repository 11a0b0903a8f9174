"""match: pictures and texts in one space."""
