"""Who plays when: one file for each mode, each a table of phases and what moves between them.

A mode is pure. It is told what happens and answers with effects; it never looks at a clock, never
sounds a note and never waits. `conductor.py` picks the mode and feeds it.
"""
