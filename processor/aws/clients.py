"""Clients of AWS services with the region, endpoint, timeouts, retries and pools of the settings."""

from typing import Any

import boto3
from botocore.config import Config

from processor.settings import Settings


def aws_client(settings: Settings, service: str) -> Any:
    """Return a boto3 client, which may be used by several threads. Credentials come from where boto3 looks for them: variables, an
    IAM role of the pod, the instance's profile."""
    return boto3.client(
        service,
        region_name=settings.aws_region,
        endpoint_url=settings.aws_endpoint_url or None,
        config=Config(
            connect_timeout=settings.aws_connect_timeout_seconds,
            read_timeout=settings.aws_read_timeout_seconds,
            retries={"mode": "standard", "total_max_attempts": settings.aws_max_attempts},
            max_pool_connections=settings.aws_max_pool_connections,
        ),
    )
