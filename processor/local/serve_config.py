"""What Ray Serve is asked to run: the config that an operator can edit and send again."""

from pathlib import Path
from typing import Any

import msgspec

from processor.settings import Settings

APPLICATION = "payments"
IMPORT_PATH = "serve.deployment:build"
SHARD_HOSTS = "ShardHosts"
API = "Api"
PROJECTIONS = "Projections"
AUDITOR = "Auditor"
BRIDGES = "Bridges"

Config = dict[str, Any]


def serve_config(settings: Settings, import_path: str = IMPORT_PATH, arguments: Config | None = None) -> Config:
    """Return the config. The settings themselves reach the workers by their environment, since they hold a password."""
    return {
        # The API's replicas own a listener each; Serve's own proxy would only be in the way.
        "proxy_location": "Disabled",
        "http_options": {"host": "127.0.0.1"},
        "applications": [
            {
                "name": APPLICATION,
                "route_prefix": "/",
                "import_path": import_path,
                "args": arguments or {},
                "deployments": [
                    {"name": SHARD_HOSTS, "num_replicas": settings.shard_hosts},
                    {"name": API, "num_replicas": settings.api_replicas},
                    # One does all the work; more would only take turns.
                    {"name": PROJECTIONS, "num_replicas": 1},
                    {"name": AUDITOR, "num_replicas": 1},
                    {"name": BRIDGES, "num_replicas": 1},
                ],
            }
        ],
    }


def scaled(config: Config, replicas: dict[str, int]) -> Config:
    """Return the config with other numbers of replicas, given by deployment."""
    copy: Config = msgspec.json.decode(msgspec.json.encode(config))
    deployments = {deployment["name"]: deployment for deployment in copy["applications"][0]["deployments"]}
    for name, number in replicas.items():
        deployments[name]["num_replicas"] = number
    return copy


def write_config(path: Path, config: Config) -> None:
    """Write the config where an operator finds it."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(config), indent=2) + b"\n")
