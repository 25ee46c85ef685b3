"""Open Sound Control: the same names as on the screen, in and out. Off unless asked for."""
