"""How a trained network answers where no gradients are needed: its graph written for other engines."""
