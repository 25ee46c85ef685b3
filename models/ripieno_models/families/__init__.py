"""One file per architecture, each readable from top to bottom."""
