"""The tables with rows, and the bench for what is done with rows, of the detectors' own tests."""

from tests.diagnose.conftest import planned, shop
from tests.rows.conftest import rows_bench

__all__ = ["planned", "rows_bench", "shop"]
