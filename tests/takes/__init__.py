"""Takes that were played, and that must come out the same again."""
