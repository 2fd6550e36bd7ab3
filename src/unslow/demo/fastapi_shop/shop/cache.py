import os

from redis.asyncio import Redis

cache = Redis.from_url(os.environ.get("REDIS_URL", "redis://localhost:6379/0"))
