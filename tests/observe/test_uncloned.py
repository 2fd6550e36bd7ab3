"""An application's own MySQL or Oracle is never reached, because it cannot be cloned."""

import pytest

from unslow.observe import uncloned

DRIVER = """
class OperationalError(Exception): pass
def connect(**kwargs): return "original"
"""
SERVER = """
import {driver}
def application(environ, start_response):
    {driver}.connect(host="db")
"""


@pytest.mark.parametrize("driver", [name for name in uncloned.MODULES if "." not in name])
def test_a_database_that_cannot_be_cloned_is_refused(app, driver):
    app.write(**{driver: DRIVER, "server": SERVER.format(driver=driver)})
    with app.run(
        "-m", "gunicorn", "-b", "127.0.0.1:{port}", "--no-control-socket", "server"
    ) as running:
        seen = running.observe("/")
        assert seen["error"].startswith("OperationalError: unslow can clone PostgreSQL and SQLite")
        blocked = running.collector.wait("blocked")[0]
        assert (blocked["host"], blocked["what"]) == ("db", "database")
