"""The two pages of the app: the performance, and the help over it."""
