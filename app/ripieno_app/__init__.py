"""The terminal screen of Ripieno: a client of the engine, drawn with Textual."""
