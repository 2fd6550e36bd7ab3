"""Planted changes with the verdict that each must get, judged by `unslow prove`."""
