from json import loads

import jsonschema
import msgspec
import pytest

from tests.report.sample import clean, sample
from unslow.lab.report import json


def test_a_report_survives_the_round_trip() -> None:
    assert json.parse(json.render(sample())) == sample()


def test_reports_follow_the_shipped_schema() -> None:
    schema = loads(json.shipped_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    for report in (sample(), clean()):
        jsonschema.validate(loads(json.render(report)), schema)


def test_the_shipped_schema_is_current() -> None:
    assert json.shipped_schema() == json.schema(), "run `make schema`"


def test_a_foreign_document_breaks_the_schema() -> None:
    document = loads(json.render(sample()))
    document["findings"][0]["fixes"][0]["proof"]["verdict"] = "good"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, loads(json.shipped_schema()))


def test_a_foreign_document_is_not_a_report() -> None:
    with pytest.raises(msgspec.DecodeError):
        json.parse(b'{"schema": 1}')


def test_columns_are_offsets_as_in_ast() -> None:
    cause = loads(json.render(sample()))["findings"][0]["cause"]
    assert (cause["line"], cause["column"], cause["end_column"]) == (10, 15, 52)
