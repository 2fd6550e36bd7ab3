import os

import pytest
import redis as client

from unslow.demo.redis import Redis, redis


def test_the_server_answers(redis_server: Redis) -> None:
    with client.Redis.from_url(redis_server.url) as connection:
        connection.set("greeting", "hello")
        assert connection.get("greeting") == b"hello"


def test_nothing_is_left_when_the_block_ends() -> None:
    with redis() as server:
        pass
    with pytest.raises(ProcessLookupError):
        os.kill(server.pid, 0)
