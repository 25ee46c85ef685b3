"""What this machine can do, and what would make it better."""
