"""A query that a Jinja2 template sets off is named by the template's own lines."""

from typing import Any


def test_template_lines_are_named(sqlalchemy: Any) -> None:
    queries = sqlalchemy.loads("rendered", "forward", "customer")
    assert [query["through"] for query in queries] == [["customer.html:2", "orders.html:3"]] * 3


def test_the_stack_holds_code_and_no_template(sqlalchemy: Any, source: Any) -> None:
    query = sqlalchemy.loads("rendered", "forward", "customer")[0]
    assert (
        source(query["stack"][0]) == 'templates.get_template("orders.html").render(orders=orders)'
    )
