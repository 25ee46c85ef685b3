"""Presets and seed phrases: what a performance starts from."""
