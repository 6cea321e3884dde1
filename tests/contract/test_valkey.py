"""The embedded Valkey: closed to those without the password, and it keeps what it has over a crash."""

import time

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from processor.local.valkey import EmbeddedValkey


def test_it_asks_for_the_password_and_keeps_data_over_a_crash(own_valkey: EmbeddedValkey) -> None:
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=own_valkey.port, retry=Retry(NoBackoff(), 0)).ping()
    assert own_valkey.password_path.stat().st_mode & 0o077 == 0
    url = own_valkey.url
    client = redis.Redis.from_url(url)
    client.set("kept", "yes")
    # It writes to the disk once a second.
    while client.info("persistence")["aof_pending_bio_fsync"] or client.info("persistence")["aof_buffer_length"]:
        time.sleep(0.05)
    own_valkey.kill()
    own_valkey.start()
    assert own_valkey.url == url
    assert redis.Redis.from_url(url).get("kept") == b"yes"
