"""One part of each kind that Ripieno takes from other packages."""
