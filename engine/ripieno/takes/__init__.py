"""Takes: the journal of a performance, and what can be made of it."""
