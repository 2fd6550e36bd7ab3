"""Reads a response's body as what it is: JSON, lines of it, events, a table, a page, an archive."""

import csv
import io
import itertools
import re
import zipfile
import zlib
from hashlib import blake2b
from importlib import import_module

from unslow.lab.prove import _json, _markup
from unslow.lab.prove._json import Value
from unslow.lab.prove._markup import Piece

MOST_DECODED_BYTES = 64 << 20  # a small answer may unpack to a very large one
MOST_MEMBERS = 500

Document = Value | list[Piece] | bytes

_LINES = re.compile(r"ndjson|jsonl|json-lines|jsonlines|json-seq|stream\+json")
_ZIP = re.compile(r"zip|openxmlformats|opendocument|java-archive|epub")
# Dates and identity of a PDF, which every writer renews.
_PDF_NOISE = re.compile(
    rb"/(?:CreationDate|ModDate)\s*(?:\([^)]*\)|<[^>]*>)|/ID\s*\[[^\]]*\]"
    rb"|<(xmp:\w+Date|xmpMM:\w+ID)>[^<]*</\1>"
)


class Pages(list[Piece]):
    """Pieces of a page or a text, in order."""


def decoded(body: bytes, encoding: str) -> bytes | None:
    """The body without its content encoding; None where the encoding is not known here."""
    try:
        for name in reversed([part.strip().lower() for part in encoding.split(",")]):
            if name in ("gzip", "x-gzip"):
                body = _inflate(body, zlib.MAX_WBITS | 16)
            elif name == "deflate":
                body = _deflate(body)
            elif name == "br":
                body = import_module("brotli").decompress(body)
            elif name not in ("", "identity"):
                return None
    except (zlib.error, ImportError, ValueError):
        return None
    return body


def media_of(content_type: str, body: bytes = b"") -> str:
    """json, lines, events, table, html, xml, text, zip, gzip, pdf or raw."""
    kind = content_type.split(";")[0].strip().lower()
    if _LINES.search(kind):
        return "lines"
    if kind.endswith("json"):
        return "json"
    if kind == "text/event-stream":
        return "events"
    if kind in ("text/csv", "text/tab-separated-values", "application/csv"):
        return "table"
    if kind.endswith("html"):
        return "html"
    if kind.endswith("xml"):
        return "xml"
    if kind.startswith("text/") or kind in ("application/javascript", "application/yaml"):
        return "text"
    if body.startswith(b"PK\x03\x04") or _ZIP.search(kind):
        return "zip"
    if kind.endswith("gzip"):
        return "gzip"
    return "pdf" if body.startswith(b"%PDF") else "raw"


def document(body: bytes, media: str) -> Document | None:
    """What the body says; None where it is not what its type claims."""
    try:
        match media:
            case "json":
                return _json.parse(body)
            case "lines":
                lines = body.decode().replace("\x1e", "").splitlines()
                return [_json.parse(line) for line in lines if line.strip()]
            case "events":
                return list(map(_event, _blocks(body.decode())))
            case "table":
                return _table(body.decode())
            case "html":
                return Pages(_markup.html(body))
            case "xml":
                return Pages(_markup.xml(body))
            case "text":
                return Pages(_markup.text(body))
            case "zip":
                return _members(body)
            case "gzip":
                return _inflate(body, zlib.MAX_WBITS | 16)
            case "pdf":
                return _PDF_NOISE.sub(b"", body)
            case _:
                return body
    except (ValueError, csv.Error, zlib.error, zipfile.BadZipFile, RecursionError):
        return None


def _inflate(body: bytes, bits: int) -> bytes:
    unpacked = zlib.decompressobj(bits)
    found = unpacked.decompress(body, MOST_DECODED_BYTES)
    if unpacked.unconsumed_tail:
        raise ValueError("too large")
    return found


def _deflate(body: bytes) -> bytes:
    try:
        return _inflate(body, zlib.MAX_WBITS)
    except zlib.error:
        return _inflate(body, -zlib.MAX_WBITS)  # without a header, as some servers send it


def _blocks(text: str) -> list[list[str]]:
    lines = text.splitlines()
    grouped = itertools.groupby(lines, key=lambda line: line != "")
    return [list(group) for filled, group in grouped if filled]


def _event(lines: list[str]) -> Value:
    """One server-sent event; its data as JSON where it is some."""
    fields: dict[str, Value] = {}
    data = []
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            data.append(value)
        else:
            fields[name or "comment"] = value
    if data:
        text = "\n".join(data)
        try:
            fields["data"] = _json.parse(text)
        except ValueError:
            fields["data"] = text
    return fields


def _table(text: str) -> Value:
    """Rows by column name, or as lists where the first line does not name the columns."""
    if not text.strip():
        return []
    head_line = text.partition("\n")[0]
    delimiter = max(",;\t", key=head_line.count)
    lines = io.StringIO(text.removeprefix("\ufeff"), newline="")
    rows = list(csv.reader(lines, delimiter=delimiter))
    head = rows[0]
    named = len(set(head)) == len(head) > 0 and not any(cell.isdigit() for cell in head)
    if named and all(len(row) == len(head) for row in rows):
        cells: Value = [dict(zip(head, row, strict=True)) for row in rows[1:]]
        return {"columns": list(head), "rows": cells}
    return [list(row) for row in rows]


def _members(body: bytes) -> Value:
    """The files of an archive by name: words of texts, digests of others."""
    found: dict[str, Value] = {}
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        entries = archive.infolist()
        if len(entries) > MOST_MEMBERS or sum(e.file_size for e in entries) > MOST_DECODED_BYTES:
            raise ValueError("too large")
        for entry in entries:
            found[entry.filename] = _member(entry.filename, archive.read(entry))
    return found


def _member(name: str, content: bytes) -> Value:
    extension = name.rpartition(".")[2].lower()
    if extension in ("xml", "rels", "html", "xhtml", "svg"):
        return [piece.text for piece in _markup.xml(content)]
    if extension in ("json", "csv", "txt", "md"):
        media = {"json": "json", "csv": "table"}.get(extension, "text")
        said = document(content, media)
        if isinstance(said, Pages):
            return [piece.text for piece in said]
        if isinstance(said, dict | list):
            return said  # type: ignore[return-value]
    return blake2b(content, digest_size=16).hexdigest()
