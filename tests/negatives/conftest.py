"""The tables with rows that the detectors' own tests read plans from."""

from tests.diagnose.conftest import planned, shop

__all__ = ["planned", "shop"]
