"""Models of lead sheets, played live: chord symbols under a melody, and how they are voiced."""
