"""Trains the models that Ripieno plays, and writes them as bundles."""
