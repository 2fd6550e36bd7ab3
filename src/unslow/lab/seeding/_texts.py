"""Writes texts that suit the name of a column."""

import re
from collections.abc import Callable
from random import Random

from unslow.lab.seeding import _words as words

Write = Callable[[Random, int], str]

PHRASE_FROM = 24  # characters that a column must hold before it gets more than a word
SENTENCE_FROM = 160
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
PEOPLE = re.compile(
    r"user|customer|person|people|author|employee|member|contact|student|teacher|patient|owner"
    r"|manager|client|profile|staff|account"
)
FIRMS = re.compile(r"compan|organi[sz]ation|supplier|vendor|brand|firm|publisher|tenant|employer")


def writer(table: str, column: str, orm: str, length: int | None) -> Write:
    """What to write into a text column of this name; `length` is the most it holds."""
    name, kind = _snake(column), _snake(table).rpartition("_")[2]  # without an application's name
    if "countr" in kind and length == 2:
        return _one_of(tuple(words.COUNTRIES))
    for orms, pattern, write in NAMED:
        if orm in orms or re.search(rf"(^|_)({pattern})(_|$)", name):
            return write
    if re.search(r"(^|_)(name|label|title|caption|subject|headline)(_|$)", name):
        return _named_after(kind, name)
    if length is not None and length < PHRASE_FROM:
        return word if length >= 8 else code
    return phrase if length is not None and length < SENTENCE_FROM else paragraph


def short(number: int, length: int) -> str:
    """A number in few characters, of `length` at least."""
    text = ""
    while number:
        number, rest = divmod(number, len(DIGITS))
        text = DIGITS[rest] + text
    return text.rjust(length, "0")


def word(random: Random, number: int) -> str:
    return random.choice(words.NOUNS)


def code(random: Random, number: int) -> str:
    return random.choice(words.NOUNS)[:2].upper() + str(random.randrange(100, 100_000))


def phrase(random: Random, number: int) -> str:
    return f"{random.choice(words.ADJECTIVES).capitalize()} {random.choice(words.NOUNS)}"


def sentence(random: Random, number: int) -> str:
    return (
        f"The {random.choice(words.ADJECTIVES)} {random.choice(words.NOUNS)} "
        f"{random.choice(words.VERBS)} the {random.choice(words.ADJECTIVES)} "
        f"{random.choice(words.NOUNS)}."
    )


def paragraph(random: Random, number: int) -> str:
    return " ".join(sentence(random, number) for _ in range(random.randint(1, 4)))


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.rpartition(".")[2]).lower()


def _named_after(table: str, column: str) -> Write:
    if PEOPLE.search(table) and "name" in column:
        return _person
    if FIRMS.search(table) or FIRMS.search(column):
        return _firm
    if re.search(r"cit(y|ies)|town", table):
        return lambda random, number: random.choice(words.CITIES)
    if "countr" in table:
        return _country
    if re.search(r"post|article|blog|page|news|task|ticket|issue|book|course|event", table):
        return lambda random, number: sentence(random, number)[:-1]
    return phrase


def _first(random: Random, number: int) -> str:
    return random.choice(words.FIRST_NAMES)


def _last(random: Random, number: int) -> str:
    return random.choice(words.LAST_NAMES)


def _person(random: Random, number: int) -> str:
    return f"{_first(random, number)} {_last(random, number)}"


def _firm(random: Random, number: int) -> str:
    return f"{_last(random, number)} {random.choice(words.LEGAL_FORMS)}"


def _login(random: Random, number: int) -> str:
    return f"{_first(random, number)}.{_last(random, number)}".lower()


def _mail(random: Random, number: int) -> str:
    return f"{_login(random, number)}{random.randrange(100)}@example.com"


def _phone(random: Random, number: int) -> str:
    return f"+49 30 {random.randrange(10**6, 10**8)}"


def _street(random: Random, number: int) -> str:
    name = random.choice(words.NOUNS).capitalize()
    return f"{random.randint(1, 200)} {name} {random.choice(words.STREETS)}"


def _country(random: Random, number: int) -> str:
    return random.choice(tuple(words.COUNTRIES.values()))


def _slug(random: Random, number: int) -> str:
    return phrase(random, number).lower().replace(" ", "-")


def _address(random: Random, number: int) -> str:
    return f"10.{random.randrange(256)}.{random.randrange(256)}.{random.randint(1, 254)}"


def _hex(random: Random, number: int) -> str:
    return f"{random.getrandbits(256):064x}"


def _one_of(options: tuple[str, ...]) -> Write:
    return lambda random, number: random.choice(options)


def _unusable(random: Random, number: int) -> str:
    return f"!{random.getrandbits(160):040x}"


def _postcode(random: Random, number: int) -> str:
    return str(random.randrange(10_000, 99_999))


def _file(ending: str) -> Write:
    return lambda random, number: f"files/{_slug(random, number)}.{ending}"


# An ORM's field class, the column's name, what is written; the first that fits.
NAMED: tuple[tuple[tuple[str, ...], str, Write], ...] = (
    (("EmailField",), r"e?mail(_?address)?", _mail),
    (
        ("URLField",),
        r"url|uri|link|website|homepage|web_?site",
        lambda random, number: f"https://example.com/{_slug(random, number)}",
    ),
    (("SlugField",), r"slug|permalink", _slug),
    (("ImageField",), r"image|photo|picture|avatar|thumbnail|logo|icon", _file("png")),
    (("FileField", "FilePathField"), r"file(_?name|_?path)?|path|attachment", _file("pdf")),
    (("GenericIPAddressField",), r"ip(_?addr(ess)?)?", _address),
    # An unusable password: nobody is to log in by what a seed wrote.
    (
        (),
        r"password(_?hash)?|passwd|hashed_password",
        _unusable,
    ),
    ((), r"token|hash|digest|checksum|fingerprint|secret|signature|api_?key|session_key", _hex),
    ((), r"first_?name|given_?name|forename", _first),
    ((), r"last_?name|family_?name|surname", _last),
    ((), r"user_?name|login|nick(name)?|handle", _login),
    ((), r"full_?name|display_?name|author|contact(_?name)?|recipient", _person),
    ((), r"phone(_?number)?|mobile|tel(ephone)?|fax", _phone),
    ((), r"company(_?name)?|organi[sz]ation|employer|manufacturer|brand", _firm),
    ((), r"city|town|place", _one_of(words.CITIES)),
    ((), r"country_?code|nationality|iso2?", _one_of(tuple(words.COUNTRIES))),
    ((), r"country", _country),
    ((), r"street|address(_?line)?_?[12]?|addr", _street),
    (
        (),
        r"zip(_?code)?|post(al)?_?code|plz",
        _postcode,
    ),
    ((), r"colou?r", _one_of(words.COLOURS)),
    ((), r"currency(_?code)?", _one_of(words.CURRENCIES)),
    ((), r"lang(uage)?(_?code)?|locale", _one_of(words.LANGUAGES)),
    ((), r"time_?zone|tz", _one_of(words.TIME_ZONES)),
    ((), r"(mime|media|content)_?type", _one_of(words.MEDIA_TYPES)),
    ((), r"user_?agent", _one_of(words.AGENTS)),
    ((), r"status|state|phase|stage", _one_of(words.STATES)),
    ((), r"job(_?title)?|occupation|profession", _one_of(words.JOBS)),
    ((), r"sku|code|number|reference|ref|serial|barcode|ean|isbn", code),
    (
        (),
        r"description|body|content|text|comment|notes?|bio|summary|message|details?|abstract|review",
        paragraph,
    ),
)
