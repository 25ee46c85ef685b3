"""Ripieno: a real-time MIDI instrument that hosts neural music models."""

__version__ = "0.1.0"
