"""Clients of AWS services with the region, endpoint, timeouts, retries and pools of the settings."""

from threading import Lock
from typing import Any

import boto3
from botocore.config import Config

from processor.settings import Settings

# boto3 may not make two clients at a time out of its one default session.
_MAKING = Lock()


def aws_client(
    settings: Settings,
    service: str,
    *,
    max_attempts: int | None = None,
    read_timeout_seconds: float | None = None,
    validates: bool = True,
) -> Any:
    """Return a boto3 client, which may be used by several threads. Credentials come from where boto3 looks for them: variables, an
    IAM role of the pod, the instance's profile; it renews them by itself.

    `max_attempts` is for callers that try again themselves, `read_timeout_seconds` for calls that wait long on purpose. Not to validate
    is for large requests whose shape never varies: looking at every value of them takes longer than sending them.
    """
    config = Config(
        connect_timeout=settings.aws_connect_timeout_seconds,
        read_timeout=read_timeout_seconds or settings.aws_read_timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": max_attempts or settings.aws_max_attempts},
        max_pool_connections=settings.aws_max_pool_connections,
        parameter_validation=validates,
        # Network address translation forgets idle connections without a word; the next call on one would wait for its timeout.
        tcp_keepalive=True,
        # AWS writes it into CloudTrail and access logs.
        user_agent_extra="payments",
    )
    with _MAKING:
        endpoint_url = settings.aws_endpoint_url or None
        return boto3.client(service, region_name=settings.aws_region, endpoint_url=endpoint_url, config=config)
