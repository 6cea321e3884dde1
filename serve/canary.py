"""What Ray Serve runs for a canary: the API alone, in a Ray cluster of its own, which reaches production's shard hosts through their doors.

It owns no shard and keeps nothing up: a fault in a new version's API can spoil its own answers, and no more.
"""

from ray import serve as ray_serve

from serve.deployment import Api


def build(arguments: dict[str, str]) -> ray_serve.Application:
    """Return the application; Serve calls this with the config's `args`, which are not used."""
    return Api.bind(None)  # type: ignore[attr-defined]
