"""An observed application reaches this machine and the databases it is sent to, nothing else."""

import pytest

from unslow.observe import _sandbox

SOURCE = """
import asyncio, smtplib, socket

local = socket.create_server(("127.0.0.1", 0))

def attempt(function, *args):
    try:
        function(*args)
        return "done"
    except Exception as problem:
        return type(problem).__name__

async def stream():
    await asyncio.open_connection("192.0.2.1", 80)

def application(environ, start_response):
    start_response("200 OK", [])
    outcomes = [
        attempt(socket.create_connection, local.getsockname()),
        attempt(socket.create_connection, ("192.0.2.1", 80), 0.2),
        attempt(smtplib.SMTP, "localhost", 25),
        attempt(lambda: asyncio.run(stream())),
        attempt(socket.socket(type=socket.SOCK_DGRAM).sendto, b"x", ("192.0.2.2", 53)),
    ]
    return [",".join(outcomes).encode()]
"""


def test_mail_and_other_hosts_are_refused(app):
    command = ("-m", "gunicorn", "-b", "127.0.0.1:{port}", "--no-control-socket", "server")
    with app.write(server=SOURCE).run(*command) as running:
        refused = "ConnectionRefusedError"
        assert running.get("/").body.decode().split(",") == ["done", *[refused] * 4]
        blocked = running.collector.wait("blocked", 3)
        assert {(event["host"], event["port"], event["what"]) for event in blocked} == {
            ("192.0.2.1", 80, "socket"),
            ("localhost", 25, "mail"),
            ("192.0.2.2", 53, "socket"),
        }
        seen = running.observe("/")
        assert seen["blocked"] == ["192.0.2.1", "localhost", "192.0.2.2"]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "::ffff:127.0.0.1", ""])
def test_this_machine_is_local(host):
    assert _sandbox.is_local(host)


@pytest.mark.parametrize("host", ["192.0.2.1", "example.invalid", "2001:db8::1", "10.0.0.1"])
def test_others_are_not(host):
    assert not _sandbox.is_local(host)
