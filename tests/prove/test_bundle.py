from unslow.lab.prove import Candidate
from unslow.lab.prove.bundle import bundles, halves
from unslow.model import Patch, TextEdit

SOURCE = b"abcdefghij"


def read(path: str) -> bytes:
    if path != "views.py":
        raise FileNotFoundError(path)
    return SOURCE


def candidate(
    key: str,
    *endpoints: str,
    at: int | None = None,
    finding: str = "",
    covers: tuple[int, ...] = (0,),
    sql: tuple[str, ...] = (),
) -> Candidate:
    edits = () if at is None else (TextEdit("views.py", at, at + 2, "XX" + key),)
    patch = Patch("by-hand", "", "safe", edits=edits, sql=sql, covers=covers)
    return Candidate(key, patch, endpoints, finding)


def keys(*candidates: Candidate) -> list[set[str]]:
    return [set(bundle.keys) for bundle in bundles(candidates, read)]


def test_other_endpoints_and_other_text_share_a_bundle() -> None:
    assert keys(candidate("a", "GET a", at=0), candidate("b", "GET b", at=4)) == [{"a", "b"}]


def test_one_endpoint_is_changed_once_per_bundle() -> None:
    assert keys(candidate("a", "GET a", at=0), candidate("b", "GET a", at=4)) == [{"a"}, {"b"}]


def test_patches_that_meet_in_the_text_are_measured_apart() -> None:
    assert keys(candidate("a", "GET a", at=0), candidate("b", "GET b", at=1)) == [{"a"}, {"b"}]


def test_rivals_are_measured_apart() -> None:
    one = candidate("a", "GET a", finding="f")
    assert keys(one, candidate("b", "GET b", finding="f")) == [{"a"}, {"b"}]
    assert keys(one, candidate("b", "GET b", finding="f", covers=(1,))) == [{"a", "b"}]


def test_indexes_of_one_table_are_measured_apart() -> None:
    first = candidate("a", "GET a", sql=('CREATE INDEX x ON "orders" (a)',))
    same = candidate("b", "GET b", sql=('CREATE INDEX y ON "orders" (b)',))
    other = candidate("c", "GET c", sql=('CREATE INDEX z ON "items" (b)',))
    assert keys(first, same, other) == [{"a", "c"}, {"b"}]


def test_equal_statements_run_once() -> None:
    line = "CREATE INDEX x ON t (a)"
    one = candidate("a", "GET a", sql=(line,))
    (bundle,) = bundles([one], read)
    assert bundle.sql == (line,)


def test_a_bundle_falls_into_halves() -> None:
    made = [candidate(key, f"GET {key}", at=2 * at) for at, key in enumerate("abc")]
    (bundle,) = bundles(made, read)
    one, other = halves(bundle)
    assert one.keys + other.keys == bundle.keys
    assert len({one.name, other.name, bundle.name}) == 3


def test_fixes_that_are_in_place_are_in_every_bundle_and_its_halves() -> None:
    placed = candidate("placed", "GET p", at=8)
    (bundle,) = bundles(
        [candidate("a", "GET a", at=0), candidate("b", "GET b", at=4)], read, [placed]
    )
    for part in (bundle, *halves(bundle)):
        assert part.patches[0] == placed.patch
        assert "placed" not in part.keys
