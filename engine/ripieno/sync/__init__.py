"""Musical time from others and to others: MIDI clock, Ableton Link, taps, a metronome."""
