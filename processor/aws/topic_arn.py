"""The ARN of the SNS topic that the settings name."""

from processor.aws.clients import aws_client
from processor.settings import Settings


def topic_arn(settings: Settings) -> str:
    """Return the ARN; a name without one is of our own account and region. Blocks, and raises what boto3 raises."""
    if settings.sns_topic.startswith("arn:"):
        return settings.sns_topic
    # Needs no permission, unlike a search in the list of topics.
    caller = aws_client(settings, "sts").get_caller_identity()
    partition = caller["Arn"].split(":")[1]
    return f"arn:{partition}:sns:{settings.aws_region}:{caller['Account']}:{settings.sns_topic}"
