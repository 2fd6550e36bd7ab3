"""What a maker of values is."""

from collections.abc import Callable
from random import Random

Make = Callable[[Random, int], object]


class Unknown(Exception):
    """No value of this type can be made."""
