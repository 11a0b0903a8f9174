"""Real data that ordinary packages carry, as sample://name/split."""
