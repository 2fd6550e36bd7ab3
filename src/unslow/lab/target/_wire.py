"""What the recorder in the application sends: one JSON object per line."""

import msgspec

from unslow.model import Request

Param = str | int | float | bool | None


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """A process of the application has started."""

    pid: int
    ppid: int = 0
    arm: str = ""
    python: str = ""
    argv: tuple[str, ...] = ()


class Backend(msgspec.Struct, frozen=True, tag="backend"):
    """A PostgreSQL backend was opened or is about to be closed, after `cpu_ns` of CPU."""

    event: str
    pid: int
    process: int = 0
    cpu_ns: int = 0


class Blocked(msgspec.Struct, frozen=True, tag="blocked"):
    """The sandbox refused to reach a host."""

    host: str
    port: int | None = None
    what: str = ""


class RecorderError(msgspec.Struct, frozen=True, tag="error"):
    message: str
    traceback: str = ""


class Effect(msgspec.Struct, frozen=True, tag="effect"):
    """What a request sent elsewhere: "mail to 2 recipients", with a digest of each of its parts."""

    request: str
    what: str
    parts: dict[str, str] = {}


class Connect(msgspec.Struct, frozen=True, tag="connect"):
    """The application is about to open a database; it waits for a one-line answer."""

    engine: str
    params: dict[str, Param] = {}
    path: str = ""
    host: str | None = None
    port: int | None = None
    db: int | str | None = None


Message = Hello | Backend | Blocked | RecorderError | Effect | Connect


class _Envelope(msgspec.Struct, frozen=True):
    type: str


_envelope = msgspec.json.Decoder(_Envelope)
_request = msgspec.json.Decoder(Request)
_message: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


def decode(line: bytes) -> Message | Request:
    """One line as a struct. Raises msgspec.DecodeError when it is none of the protocol's."""
    if _envelope.decode(line).type == "request":
        return _request.decode(line)
    return _message.decode(line)
