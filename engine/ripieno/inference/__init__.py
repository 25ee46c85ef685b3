"""From what was heard to what is played: bundles, models, rules, drawing, and their process."""
