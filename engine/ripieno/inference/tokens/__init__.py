"""Models of event tokens, played live."""
