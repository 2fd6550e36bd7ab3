"""Takes a Python backend from slow to fast, and proves it."""

__version__ = "0.1.0"
