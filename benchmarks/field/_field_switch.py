"""Imported by an instrumented application: leaves out the one eager load that is switched off.

`FIELD_OFF` names a file with its number, `FIELD_REACHED` one that gets the numbers that ran.
"""

import os

_off = os.open(os.environ["FIELD_OFF"], os.O_RDONLY)
_reached = os.open(os.environ["FIELD_REACHED"], os.O_WRONLY | os.O_APPEND)


def is_off(number):
    os.write(_reached, b"%d\n" % number)
    return number == int(os.pread(_off, 12, 0) or 0)


def method(number, rows, name, *arguments, **named):
    if is_off(number):
        return rows.all() if hasattr(rows, "get_queryset") else rows  # of a manager
    return getattr(rows, name)(*arguments, **named)


def options(*pairs):
    return [option for number, option in pairs if not number or not is_off(number)]
