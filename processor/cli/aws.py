"""`payments aws`: what the program needs in an AWS account."""

import os
from pathlib import Path

import click

from processor.aws.creation import CannotCreate, create_missing
from processor.settings import Settings, load_settings


@click.group()
def aws() -> None:
    """The streams, topics, queues, buckets and tables that the program needs in an AWS account."""


@aws.command()
def create() -> None:
    """Make those that are missing, by the names in the settings; what is there is left as it is."""
    settings = load_settings(os.environ, Path.cwd())
    try:
        for created in create_missing(settings):
            click.echo(f"{created.title:<60} {'made' if created.made else 'was there'}")
    except CannotCreate as error:
        raise click.ClickException(str(error)) from error


def aws_lines(settings: Settings) -> list[str]:
    """Return what a person needs who wants to look at AWS as the program sees it."""
    exports = {
        "AWS_ENDPOINT_URL": settings.aws_endpoint_url,
        "AWS_DEFAULT_REGION": settings.aws_region,
        "AWS_ACCESS_KEY_ID": os.environ.get("AWS_ACCESS_KEY_ID", "..."),
        "AWS_SECRET_ACCESS_KEY": "test" if os.environ.get("AWS_SECRET_ACCESS_KEY") == "test" else "...",
    }
    queues = ", ".join(
        (settings.sqs_dead_letter_queue, settings.sqs_instruction_queue, settings.sqs_instruction_dead_letter_queue)
    )
    names = {
        "Kinesis": settings.kinesis_stream,
        "SNS": settings.sns_topic,
        "SQS": queues,
        "S3": settings.s3_bucket,
        "DynamoDB": f"{settings.dynamodb_transactions_table}, {settings.dynamodb_journal_table}",
    }
    look = """python -c 'import boto3; print(boto3.client("kinesis").describe_stream_summary(StreamName="%s"))'"""
    return [
        f"AWS        {settings.aws_endpoint_url}, bridges: {settings.bridges or 'none'}",
        *(f"  {service:<8} {name}" for service, name in names.items()),
        f"  Look:    export {' '.join(f'{name}={value}' for name, value in exports.items())}",
        f"           aws kinesis describe-stream-summary --stream-name {settings.kinesis_stream}",
        f"           {look % settings.kinesis_stream}",
    ]
