"""One measure for all models: counts with intervals, failures by name, and a page to listen to."""
