"""Music as event tokens: what a tune is, how MidiTok writes it, and how it is learned."""
