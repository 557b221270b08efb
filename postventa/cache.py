"""Django's Redis cache with one client a pool: a new one for every question costs twice as much as the question."""

from typing import Any

from django.core.cache import caches
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.exceptions import RedisError


class KeptClient(RedisCacheClient):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._clients: dict[int, Any] = {}

    def get_client(self, key: Any = None, *, write: bool = False) -> Any:
        """Clients hold nothing but their pool, so that threads may share them."""
        pool = self._get_connection_pool(write)  # type: ignore[attr-defined]
        if id(pool) not in self._clients:
            self._clients[id(pool)] = super().get_client(key, write=write)
        return self._clients[id(pool)]


class KeptRedisCache(RedisCache):
    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._class = KeptClient

    def add(self, *args: Any, **options: Any) -> bool:
        """Is it the first? Without Redis at least in this process: allauth asks it of each code of a second factor."""
        try:
            return super().add(*args, **options)
        except RedisError:
            return caches["process"].add(*args, **options)

    def count(self, key: str, *, seconds: int) -> int:
        """One more than last time, forgotten after so many seconds: one question, where incr() asks two.

        Of a process that dies between the two commands a number stays behind, so the key should be of a certain time.
        """
        name, client = self.make_and_validate_key(key), self._cache.get_client(write=True)
        number: int = client.incr(name)
        if number == 1:
            client.expire(name, seconds)
        return number
