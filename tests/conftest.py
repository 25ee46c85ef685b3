"""Fixtures that all tests may use."""

pytest_plugins = ["tests.ci_rules", "tests.engine.jackd"]
