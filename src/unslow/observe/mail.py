"""Django's mails: to how many they go, with a digest of each line, whatever backend sends them."""

from types import ModuleType
from typing import Any

from unslow.observe import _effects, _record, _wire
from unslow.observe._patch import Function, wrap

MODULES = ("django.core.mail.message", "django.core.mail")


def install(module: ModuleType) -> None:
    """Watch messages as they are handed to a backend."""
    if not _record.is_sent():
        return
    if module.__name__ == "django.core.mail":
        wrap(module, "send_mass_mail", _send_mass_mail)
    else:
        wrap(module.EmailMessage, "send", _send)


def _send(original: Function) -> Function:
    def send(self: Any, *args: Any, **kwargs: Any) -> Any:
        _note(self)
        with _effects.within():
            return original(self, *args, **kwargs)

    return send


def _send_mass_mail(original: Function) -> Function:
    def send_mass_mail(datatuple: Any, *args: Any, **kwargs: Any) -> Any:
        messages = list(datatuple)
        for message in messages:
            _note_tuple(message)
        with _effects.within():
            return original(messages, *args, **kwargs)

    return send_mass_mail


@_wire.safely
def _note(message: Any) -> None:
    recipients = sorted(map(str, message.recipients()))
    attached = [_attachment(part) for part in getattr(message, "attachments", ())]
    alternatives = getattr(message, "alternatives", None) or ()
    lines = [line for part in alternatives for line in str(part[0]).splitlines()]
    _effects.note(
        _name(recipients),
        sender=str(message.from_email),
        recipients=recipients,
        subject=str(message.subject),
        headers=message.extra_headers or None,
        attachments=attached or None,
        **_effects.numbered("line", str(message.body).splitlines()),
        **_effects.numbered("alternative line", lines),
    )


@_wire.safely
def _note_tuple(message: Any) -> None:
    subject, body, sender, to = message[:4]
    recipients = sorted(map(str, to))
    lines = _effects.numbered("line", str(body).splitlines())
    _effects.note(
        _name(recipients), sender=str(sender), recipients=recipients, subject=str(subject), **lines
    )


def _name(recipients: list[str]) -> str:
    count = len(recipients)
    return f"mail to {count} recipient{'' if count == 1 else 's'}"


def _attachment(part: Any) -> list[Any]:
    if isinstance(part, tuple):
        return [_effects.digest(item) if isinstance(item, bytes) else str(item) for item in part]
    return [_effects.digest(part.as_bytes())]
