"""Training, measuring and exporting the families that make whole blocks of bars."""
