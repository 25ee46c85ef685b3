"""Plays models that make whole blocks of bars: from a latent, or from codes of a small prior."""
