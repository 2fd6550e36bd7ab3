"""The report as JSON: the public contract, described by `report.schema.json` beside this file."""

from importlib import resources
from json import dumps

import msgspec

from unslow.model import Report

SCHEMA_FILE = "report.schema.json"


def render(report: Report) -> str:
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"


def parse(text: str | bytes) -> Report:
    """The report in a JSON file; raises `msgspec.DecodeError` when it is not one."""
    return msgspec.json.decode(text, type=Report)


def schema() -> str:
    """The JSON Schema (draft 2020-12) as it follows from the model; the shipped file equals it."""
    described = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "unslow report",
        **msgspec.json.schema(Report),
    }
    return dumps(described, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def shipped_schema() -> str:
    return resources.files(__package__).joinpath(SCHEMA_FILE).read_text(encoding="utf-8")
