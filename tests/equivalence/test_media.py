"""Bodies of every usual type, compared by their parts."""

import gzip
import io
import zipfile
import zlib

import pytest

from tests.equivalence.answers import difference, given, masked
from unslow.lab.prove.equivalence import Answer

AT = "2026-11-22T10:00:0{}Z"


def test_silent_when_only_the_compression_level_differs() -> None:
    body = b'{"a": 1}' * 1
    one, other = (
        given(gzip.compress(body, level, mtime=level), headers={"Content-Encoding": "gzip"})
        for level in (1, 9)
    )
    assert difference(one, one, other) == ""


@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)]
)
def test_a_change_inside_a_compressed_body_is_named(encoding: str, pack) -> None:
    one, other = (
        given(pack(body), headers={"Content-Encoding": encoding})
        for body in (b'{"a": 1}', b'{"a": 2}')
    )
    assert difference(one, one, other) == "a: 1 -> 2"


def test_another_encoding_is_a_difference() -> None:
    packed = given(gzip.compress(b"[]"), headers={"Content-Encoding": "gzip"})
    assert difference(given([]), given([]), packed) == ("header content-encoding: missing -> gzip")


def lines(*rows: str) -> Answer:
    return given("".join(f"{row}\n" for row in rows), "application/x-ndjson")


def test_lines_of_json_are_compared_by_line() -> None:
    one = lines('{"id": 1, "at": "10:00"}', '{"id": 2, "at": "10:00"}')
    other = lines('{"id": 1, "at": "10:01"}', '{"id": 2, "at": "10:01"}')
    assert difference(one, other, lines('{"at": "10:07", "id": 1}', '{"id":2,"at":"10:07"}')) == ""
    assert difference(
        one, other, lines('{"id": 1, "at": "10:07"}', '{"id": 3, "at": "10:07"}')
    ) == ("[1].id: 2 -> 3")
    assert difference(one, other, lines('{"id": 1, "at": "10:07"}')) == "2 items -> 1 item"


def events(*data: str, number: str = "9f86d081") -> Answer:
    text = "".join(f"id: {number}\nevent: tick\ndata: {one}\n\n" for one in data)
    return given(text, "text/event-stream")


def test_events_are_compared_by_event() -> None:
    one, other = events('{"n": 1}', '{"n": 2}'), events('{"n": 1}', '{"n": 2}', number="4e074085")
    assert difference(one, other, events('{"n": 1}', '{"n": 2}', number="d4735e3a")) == ""
    assert difference(one, other, events('{"n": 1}', '{"n": 3}', number="d4735e3a")) == (
        "[1].data.n: 2 -> 3"
    )


def test_a_table_is_compared_by_column() -> None:
    def table(total: str, at: str) -> Answer:
        return given(f'id,total,at\r\n1,"{total}",{at}\r\n2,5,{at}\r\n', "text/csv")

    one, other = table("1,5", "10:00"), table("1,5", "10:01")
    assert difference(one, other, table("1,5", "10:02")) == ""
    assert difference(one, other, table("1,6", "10:02")) == 'rows[0].total: "1,5" -> "1,6"'
    assert masked(one, other) == ("rows[*].at (clock)",)


def page(row: str, token: str = "9f86d081884c", at: str = "10:00") -> Answer:
    return given(
        f"<html><body><script>var t = '{token}';</script><p class=time>made at {at}</p>"
        f"<table><tr><td>1</td><td>{row}</td></tr><tr><td>2</td><td>x</td></tr></table>"
        "</body></html>",
        "text/html; charset=utf-8",
    )


def test_a_page_is_compared_by_words() -> None:
    one, other = page("Ada"), page("Ada", "4e07408562be", "10:01")
    assert difference(one, other, page("Ada", "d4735e3a265e", "10:09")) == ""
    assert difference(one, other, page("Bob", "d4735e3a265e", "10:09")).endswith("Ada -> Bob")
    assert difference(one, other, page("Ada", "d4735e3a265e", "never")) != ""


def test_noise_in_one_column_hides_nothing_in_the_next() -> None:
    def row(left: str, right: str) -> Answer:
        return given(f"<table><tr><td>{left}</td><td>{right}</td></tr></table>", "text/html")

    one, other = row("9f86d081884c", "4e07408562be"), row("d4735e3a265e", "4e07408562be")
    assert difference(one, other, row("ef2d127de37b", "4e07408562be")) == ""
    assert difference(one, other, row("ef2d127de37b", "ef2d127de37b")) != ""


def test_a_page_of_another_length_is_aligned() -> None:
    def listed(*names: str, noise: str = "") -> Answer:
        items = "".join(f"<li>{name}</li>" for name in names)
        return given(f"<div>{noise}</div><ul>{items}</ul><p>end</p>", "text/html")

    one, other = listed("a", "b"), listed("a", "b", noise="two words")
    assert difference(one, other, listed("a", "b", noise="now three words")) == ""
    assert difference(one, other, listed("a", noise="now three words")) != ""
    assert difference(one, other, listed("a", "c", noise="now three words")) != ""


def test_xml_is_compared_by_element_and_attribute() -> None:
    def feed(at: str, price: str) -> Answer:
        return given(
            f'<?xml version="1.0"?><feed at="{at}"><Item price="{price}">x</Item></feed>',
            "application/xml",
        )

    one, other = feed(AT.format(1), "5"), feed(AT.format(2), "5")
    assert difference(one, other, feed(AT.format(7), "5")) == ""
    assert difference(one, other, feed(AT.format(7), "6")).endswith("5 -> 6")


def archive(when: int, **members: str) -> Answer:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name, text in members.items():
            entry = zipfile.ZipInfo(name.replace("_", "."), (2020 + when, 1, 1, 0, 0, 0))
            file.writestr(entry, text)
    return given(packed.getvalue(), "application/vnd.openxmlformats-officedocument.x")


def test_an_archive_is_compared_by_member() -> None:
    sheet = "<row><c>1</c></row>"
    one, other = (
        archive(n, core_xml=f"<made>{AT.format(n)}</made>", sheet_xml=sheet) for n in (1, 2)
    )
    later = f"<made>{AT.format(5)}</made>"
    assert (
        difference(one, one, archive(3, core_xml=f"<made>{AT.format(1)}</made>", sheet_xml=sheet))
        == ""
    )
    assert difference(one, other, archive(5, core_xml=later, sheet_xml=sheet)) == ""
    changed = archive(5, core_xml=later, sheet_xml="<row><c>2</c></row>")
    assert difference(one, other, changed) == 'sheet.xml[2]: "1" -> "2"'
    assert difference(one, other, archive(5, core_xml=later)).startswith("sheet.xml: ")


def test_a_pdf_is_compared_without_its_dates_and_identity() -> None:
    def document(text: bytes, at: bytes) -> Answer:
        return given(
            b"%PDF-1.4\n/CreationDate (D:" + at + b")\n/ID [<" + at + b"><" + at + b">]\n" + text,
            "application/pdf",
        )

    one = document(b"(total 5)", b"20261122")
    assert difference(one, one, document(b"(total 5)", b"20261123")) == ""
    assert difference(one, one, document(b"(total 6)", b"20261122")).startswith("body: ")


def test_a_body_that_is_not_what_it_claims_is_compared_by_its_bytes() -> None:
    one, other = given(b"{broken"), given(b"{broken!")
    assert difference(one, one, other) == "body: 7 bytes -> 8 other bytes"


def test_the_same_bytes_under_another_type_are_a_difference() -> None:
    one, other = given("a", "text/plain"), given("a", "text/html")
    assert difference(one, one, other) == "header content-type: text/plain -> text/html"
