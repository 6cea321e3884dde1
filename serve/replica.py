"""What all replicas of our Serve deployments have in common."""

import logging
import os
from typing import Any

from processor.settings import Settings, load_settings
from serve.loopback import keep_replicas_on_loopback
from serve.serve_load import EAGER

WATCHED: dict[str, Any] = {
    "ray_actor_options": {"num_cpus": 0, "runtime_env": {"env_vars": EAGER}},
    "health_check_period_s": 2,
    "health_check_timeout_s": 10,
    "graceful_shutdown_wait_loop_s": 0.1,
}
"""How Serve looks after a replica."""


def replica_settings() -> Settings:
    """Return the settings of this replica's process, which then logs and listens as they say."""
    settings = load_settings(os.environ)
    logging.basicConfig(level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if settings.host == "127.0.0.1":
        keep_replicas_on_loopback()
    return settings
