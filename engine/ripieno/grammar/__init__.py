"""Token grammars, shared by the engine and the trainer. Pure: no numpy, no input or output."""
