from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.prove import library
from unslow.demo.postgres import Postgres
