"""Event tokens: music as a stream of bars, positions, pitches and durations. Pure."""
