"""The piano roll, in three steps: what lies where (page), which glyphs (paint), and the widget."""
