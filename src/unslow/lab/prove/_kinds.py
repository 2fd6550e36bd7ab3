"""What kind of text or number a value is, so that noise of one kind hides no change of another."""

import base64
import binascii
import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

Kind = Literal[
    "time",  # a date or time near the other one
    "any time",
    "clock",  # a time of day
    "uuid",
    "hex",
    "digits",
    "token",  # letters and digits without a space
    "text",
]

NEAR = timedelta(days=1)  # "now" moves by less than that between two runs of one audit
EPOCHS = ((1e9, 4e9, 1.0), (1e12, 4e12, 1e3), (1e15, 4e15, 1e6), (1e18, 4e18, 1e9))  # 2001 to 2096

_UUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_HEX = re.compile(r"(?=.*\d)(0x)?[0-9a-f]{6,}", re.IGNORECASE)
_DIGITS = re.compile(r"[+-]?\d+([.,]\d+)?")
_TOKEN = re.compile(r"(?=.*\d|.*[a-z].*[A-Z]|.*[A-Z].*[a-z])[\w+/=.:~-]{8,}")
_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?")
_DATE = re.compile(r"\d{4}-?\d{2}-?\d{2}([T ]|$)")
_MAIL_DATE = re.compile(r"([A-Z][a-z]{2}, )?\d{1,2}[ -][A-Z][a-z]{2}[ -]\d{2,4} \d{2}:\d{2}")
_SIGNED = re.compile(  # a base-62 time, then a digest of SHA-1, SHA-256 or SHA-512
    r"(?P<payload>.+)(?P<dot>[.:])[\w-]{5,8}(?P=dot)(?:[\w-]{27}|[\w-]{43}|[\w-]{86})"
)
_JWT = re.compile(r"[\w-]{8,}\.[\w-]{8,}\.[\w-]*")

_LOOSER: dict[Kind, frozenset[Kind]] = {
    "any time": frozenset({"time"}),
    "token": frozenset({"hex", "digits", "uuid"}),
    "text": frozenset({"time", "any time", "clock", "uuid", "hex", "digits", "token"}),
}


def kind_of(text: str) -> Kind:
    """The narrowest kind that fits."""
    if moment(text) is not None:
        return "time"
    for kind, form in _FORMS:
        if form.fullmatch(text):
            return kind
    return "text"


def common(one: str, other: str) -> Kind:
    """The narrowest kind that holds both."""
    first, second = kind_of(one), kind_of(other)
    if first == second == "time":
        return "time" if _near(one, other) else "any time"
    if first == second or second in _LOOSER.get(first, ()):
        return first
    if first in _LOOSER.get(second, ()):
        return second
    short = {"hex", "digits", "uuid"}
    return "token" if first in short and second in short else "text"


def fits(kind: str, before: str, after: str) -> bool:
    """Whether `after` may stand where noise of this kind was seen, `before` being one sample."""
    if kind == "text":
        return True
    if kind == "time":
        return moment(after) is not None and _near(before, after)
    found = kind_of(after)
    if found != kind and found not in _LOOSER.get(kind, ()):  # type: ignore[call-overload]
        return False
    return kind not in ("hex", "token") or abs(len(after) - len(before)) <= 2 + len(before) // 4


def number_kind(one: float, other: float) -> str:
    """`time` for two moments near each other as seconds or fractions since 1970."""
    return "time" if _epochs_near(one, other) else "number"


def number_fits(kind: str, before: float, after: float) -> bool:
    return kind == "number" or (kind == "time" and _epochs_near(before, after))


def moment(text: str) -> datetime | None:
    """The date and time that a text is, in ISO 8601 or as in mail and HTTP headers."""
    try:
        if _DATE.match(text):
            return _aware(datetime.fromisoformat(text))
        if _MAIL_DATE.match(text):
            return _aware(parsedate_to_datetime(text))
    except ValueError:
        pass
    return None


def unsigned(text: str) -> str | None:
    """What a value with a time stamp and a signature behind it says; None where it is none.

    Signed cookies of Django (`payload:time:signature`) and of itsdangerous, with dots.
    """
    found = _SIGNED.fullmatch(text)
    return found["payload"] if found else None


def claims(text: str) -> object | None:
    """The claims of a JSON Web Token; None where the text is none."""
    if not _JWT.fullmatch(text):
        return None
    try:
        head, body = (json.loads(_decoded(part)) for part in text.split(".")[:2])
    except (ValueError, binascii.Error):
        return None
    return body if isinstance(head, dict) and "alg" in head else None


def blank(text: str) -> str:
    """The text, or its kind alone where it is a kind that is often noise."""
    kind = kind_of(text)
    return text if kind in ("text", "digits", "clock") else f"<{kind}>"


_FORMS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("clock", _CLOCK),
    ("uuid", _UUID),
    ("digits", _DIGITS),
    ("hex", _HEX),
    ("token", _TOKEN),
)


def _near(one: str, other: str) -> bool:
    first, second = moment(one), moment(other)
    return first is not None and second is not None and abs(first - second) <= NEAR


def _epochs_near(one: float, other: float) -> bool:
    day = NEAR.total_seconds()
    return any(
        low <= one <= high and low <= other <= high and abs(one - other) <= day * unit
        for low, high, unit in EPOCHS
    )


def _aware(found: datetime) -> datetime:
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
