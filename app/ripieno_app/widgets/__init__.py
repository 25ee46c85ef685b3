"""The parts of the screen: each shows one thing of a `View` and repaints only when it changes."""
