"""MIDI and JACK: ports, files, and the controls that were learned."""
