from unslow.lab.indexing.candidates import Candidate, candidates, merged


def made(wants, *statements):
    """The SQL of all candidates, without their names."""
    found = candidates([want for sql in statements for want in wants(sql)], [])
    return {one.sql("").removeprefix("CREATE INDEX ON ") for one in found}


def test_a_small_table_wants_no_index(wants, known):
    assert all(table.rows > 1000 for table in known.tables)
    assert made(wants, "SELECT 1") == set()


def test_what_an_existing_index_has_is_no_candidate(wants):
    found = made(wants, "SELECT total FROM orders WHERE status = 'open'")
    assert "orders (status)" not in found
    assert "orders (status, total)" not in found
    assert made(wants, "SELECT * FROM customer WHERE id = 3") == set()


def test_a_type_without_an_order_is_never_a_key(wants):
    found = made(wants, "SELECT id FROM customer WHERE notes IS NULL AND email = 'x'")
    assert found
    assert not any("(notes" in one for one in found)


def test_a_wide_row_is_not_covered(wants):
    assert not any("INCLUDE" in one for one in made(wants, "SELECT * FROM orders WHERE total = 3"))


def test_equality_comes_before_range_and_order(wants):
    found = made(
        wants,
        "SELECT * FROM orders WHERE customer_id = 3 AND total > 5 ORDER BY made DESC, id LIMIT 3",
    )
    assert "orders (customer_id, total)" in found
    assert "orders (customer_id, made, id DESC)" in found
    assert "orders (total, customer_id)" not in found


def test_the_column_with_most_values_comes_first(wants):
    found = made(
        wants, "SELECT * FROM orders WHERE late AND customer_id = 3 AND made = '2026-02-01'"
    )
    assert "orders (customer_id, made)" in found
    assert "orders (made, customer_id)" not in found


def test_the_columns_that_are_read_may_be_included(wants):
    found = made(wants, "SELECT total FROM orders WHERE made = '2026-02-01'")
    assert "orders (made) INCLUDE (total)" in found


def test_a_condition_that_holds_for_few_rows_makes_a_partial_index(wants):
    found = made(wants, "SELECT * FROM orders WHERE shipped IS NULL AND total = 4")
    assert "orders (total) WHERE shipped IS NULL" in found
    found = made(wants, "SELECT * FROM orders WHERE shipped IS NOT NULL AND total = 4")
    assert not any("WHERE" in one for one in found)


def test_a_comparison_of_two_columns_makes_a_partial_index(wants):
    found = made(wants, "SELECT id FROM orders WHERE shipped > made AND customer_id > 300")
    assert "orders (customer_id) WHERE shipped > made" in found


def test_what_the_condition_of_a_partial_index_tells_is_not_stored_in_it(wants):
    found = made(wants, "SELECT total FROM orders WHERE shipped > made AND customer_id = 3")
    assert "orders (customer_id) INCLUDE (total) WHERE shipped > made" in found
    assert "orders (customer_id) INCLUDE (made, shipped, total)" in found
    found = made(wants, "SELECT made FROM orders WHERE shipped > made AND customer_id = 3")
    assert "orders (customer_id) INCLUDE (made) WHERE shipped > made" in found


def test_a_shorter_index_is_covered_by_a_longer_one():
    short = Candidate("t", "t", ("a",), ("c",))
    long = Candidate("t", "t", ("a", "b"), ("c",))
    assert long.covers(short)
    assert not short.covers(long)
    assert not Candidate("t", "t", ("b", "a"), ("c",)).covers(short)
    assert not Candidate("t", "t", ("a", "b"), ("c",), "x").covers(short)


def test_two_are_merged_where_one_begins_the_other():
    one, other = Candidate("t", "t", ("a",), ("c", "b")), Candidate("t", "t", ("a", "b"))
    assert merged(one, other) == Candidate("t", "t", ("a", "b"), ("c",))
    assert merged(Candidate("t", "t", ("b",)), other) is None


def test_names_are_valid_and_tell_variants_apart():
    plain = Candidate("t", "t", ("a",))
    assert plain.sql() == "CREATE INDEX t_a_idx ON t (a)"
    others = [
        Candidate("t", "t", ("a",), ("b",)),
        Candidate("t", "t", ("a",), (), "a > b"),
        Candidate("t", "t", ("-a",)),
        Candidate("t", "t", tuple(f"column_{n}" for n in range(20))),
    ]
    names = {one.name for one in (plain, *others)}
    assert len(names) == 5
    assert all(len(name) <= 63 for name in names)
    assert Candidate('"T"', "T", ("order", "-Made")).sql("") == (
        'CREATE INDEX ON "T" ("order", "Made" DESC)'
    )
