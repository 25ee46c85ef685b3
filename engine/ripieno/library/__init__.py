"""Other people's models: looked at, tried out, kept and thrown away."""
