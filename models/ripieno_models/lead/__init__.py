"""Melodies with chord symbols on a grid of sixteenths: how they are learned."""
