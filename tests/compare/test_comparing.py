"""Both versions run side by side: a change that breaks is a verdict, a broken base an error."""

from pathlib import Path

import pytest

from tests.compare.conftest import APP, Shop
from unslow.errors import UnslowError, UsageError
from unslow.lab.compare import Options, compare, resolve
from unslow.lab.compare.comparing import one_sided
from unslow.lab.target import Settings, discover
from unslow.lab.workload import Wanted
from unslow.model import Comparison, Route, Site
from unslow.progress import Silent

NO_TIME_S = 3.0  # the gates only
BURN = "    for _ in range(400_000): pass\n"


def compared(
    folder: Path, *endpoints: str, budget_s: float = NO_TIME_S, base: str | None = None
) -> Comparison:
    target = discover(None, cwd=folder, settings=Settings())
    options = Options(Wanted(include=endpoints), budget_s=budget_s)
    report = compare(target, resolve(base, None, target), options, Silent())
    assert report.comparison is not None
    return report.comparison


def test_a_comment_is_neither_slower_nor_different(shop: Shop) -> None:
    shop.change("LIMIT 20", "LIMIT 20 /* twenty */")
    state = shop.state()
    found = compared(shop.folder)
    assert shop.state() == state
    assert found.verdict.verdict in ("inconclusive", "no-gain")
    assert found.verdict.responses is not None
    assert found.verdict.responses.first_difference == ""
    assert {one.endpoint for one in found.verdict.effects} == {"GET /orders", "GET /customers"}
    assert (found.base[:4], found.candidate) == ("HEAD", "the work tree")
    assert found.files == ("app.py",)


def test_another_answer_is_different(shop: Shop) -> None:
    shop.change("LIMIT 20", "LIMIT 10")
    found = compared(shop.folder)
    assert found.verdict.verdict == "different"
    assert "GET /orders" in found.verdict.reason


def test_another_row_at_the_end_is_different(shop: Shop) -> None:
    shop.change(
        "return jsonify([row[0] for row in connect()",
        'with connect() as c: c.execute("INSERT INTO orders VALUES (NULL, 1)")\n'
        "    return jsonify([row[0] for row in connect()",
    )
    found = compared(shop.folder, "/customers")
    assert found.verdict.verdict == "different"
    assert "orders" in found.verdict.reason


def test_a_candidate_that_does_not_start_has_failed_with_its_last_lines(shop: Shop) -> None:
    shop.change("app = Flask(__name__)", "import no_such_module\napp = Flask(__name__)")
    found = compared(shop.folder)
    assert found.verdict.verdict == "failed"
    assert "does not start" in found.verdict.reason
    assert any("no_such_module" in line for line in found.output)


def test_a_candidate_that_dies_midway_has_failed(shop: Shop) -> None:
    shop.change("def customers():\n", "def customers():\n    import os\n    os._exit(3)\n")
    found = compared(shop.folder)
    assert found.verdict.verdict == "failed"
    assert "stops answering" in found.verdict.reason


def test_a_base_that_does_not_start_is_an_error_that_names_it(shop: Shop) -> None:
    shop.change("app = Flask(__name__)", "import no_such_module\napp = Flask(__name__)")
    shop.commit()
    shop.change("import no_such_module\n", "")
    with pytest.raises(UnslowError, match=r"the base, HEAD .*, does not run"):
        compared(shop.folder)


def test_endpoints_on_one_side_are_named_and_not_compared(shop: Shop) -> None:
    shop.change('@app.get("/customers")', '@app.get("/clients")')
    found = compared(shop.folder)
    assert found.only_base == ("GET /customers",)
    assert found.only_candidate == ("GET /clients",)
    assert found.verdict.verdict != "different"
    assert [one.endpoint for one in found.verdict.effects] == ["GET /orders"]


def test_a_renamed_parameter_is_the_same_endpoint() -> None:
    site = Site("app.py", 1, 1, 0, 1, "f")
    before = [Route("GET", "orders/<int:pk>/", site=site), Route("HEAD", "orders/", site=site)]
    after = [Route("GET", "orders/<int:id>/", site=site), Route("POST", "orders/", site=site)]
    assert one_sided(before, after) == ((), ("POST orders/",))


def test_no_successful_request_is_an_error_with_the_reasons(shop: Shop) -> None:
    shop.write("app.py", APP.replace("connect().execute", "None.execute"))
    shop.commit()
    shop.change("LIMIT 20", "LIMIT 10")
    with pytest.raises(UsageError, match="no endpoint could be exercised"):
        compared(shop.folder)


def test_an_endpoint_that_matches_nothing_is_an_error(shop: Shop) -> None:
    shop.change("LIMIT 20", "LIMIT 10")
    with pytest.raises(UsageError, match="no endpoint"):
        compared(shop.folder, "/nowhere")


def test_only_the_wanted_endpoints_are_compared(shop: Shop) -> None:
    shop.change("LIMIT 20", "LIMIT 10")
    found = compared(shop.folder, "/customers")
    assert found.verdict.verdict in ("inconclusive", "no-gain")


def test_a_thirtieth_of_the_work_is_proven(shop: Shop) -> None:
    shop.change("def customers():\n", f"def customers():\n{BURN}")
    shop.commit()
    shop.change(BURN, "")
    found = compared(shop.folder, "/customers", budget_s=90)
    assert found.verdict.verdict == "proven"
    assert found.verdict.replicated
    assert found.verdict.speedup is not None
    assert found.verdict.speedup.low > 1


def test_harm_to_one_endpoint_outweighs_a_gain_on_another(shop: Shop) -> None:
    shop.change("def customers():\n", f"def customers():\n{BURN}")
    shop.commit()
    shop.change(BURN, "")
    shop.change("def orders():\n", f"def orders():\n{BURN}")
    found = compared(shop.folder, budget_s=60)
    assert found.verdict.verdict == "slower"
    assert "GET /orders" in found.verdict.reason
    slower = next(one for one in found.verdict.effects if one.endpoint == "GET /orders")
    assert slower.verdict == "slower"
    assert slower.speedup is not None
    assert slower.speedup.high < 1
