"""Fills an empty database with plausible rows."""

from unslow.lab.seeding.databases import (
    Amount,
    Seeded,
    models_of,
    seed_application,
    seed_clone,
    seed_database,
    seed_named,
    statements,
    told,
)
from unslow.lab.seeding.seeding import Filled

__all__ = [
    "Amount",
    "Filled",
    "Seeded",
    "models_of",
    "seed_application",
    "seed_clone",
    "seed_database",
    "seed_named",
    "statements",
    "told",
]
