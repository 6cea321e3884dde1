"""From a name in the settings to what runs under it. Nothing is imported before it is asked for: boto3 and pyarrow are large."""

from collections.abc import Callable

from processor.bridges.bridge import Bridge
from processor.bridges.sink import Sink
from processor.bridges.work import UnknownBridge, Work
from processor.eventlog.translator import Translator
from processor.journal.interface import Journal
from processor.journal.postgres.link import Link
from processor.settings import Settings

MakeSink = Callable[[Settings], Sink]

# Each of these imports its sink when it is called. Add yours here.


def _kinesis(settings: Settings) -> Sink:
    from processor.bridges.kinesis.sink import KinesisSink

    return KinesisSink(settings)


def _sns(settings: Settings) -> Sink:
    from processor.bridges.sns import SnsSink

    return SnsSink(settings)


def _redis(settings: Settings) -> Sink:
    from processor.bridges.redis import RedisSink

    return RedisSink(settings)


def _dynamodb(settings: Settings) -> Sink:
    from processor.bridges.dynamodb import DynamoDbSink

    return DynamoDbSink(settings)


_SINKS: dict[str, MakeSink] = {"dynamodb": _dynamodb, "kinesis": _kinesis, "redis": _redis, "sns": _sns}

# What is more than a sink, or none: each gets all that there is. Add yours here.
MakeWork = Callable[[Settings, Journal, Link], Work]


def _instructions(settings: Settings, journal: Journal, link: Link) -> Work:
    from processor.bridges.instructions import Instructions

    return Instructions(settings)


def _s3(settings: Settings, journal: Journal, link: Link) -> Work:
    from processor.bridges.s3 import S3Sink

    return make_bridge("s3", S3Sink(settings, link), settings, journal, link)


def _webhooks(settings: Settings, journal: Journal, link: Link) -> Work:
    from processor.bridges.webhooks.work import Webhooks

    return Webhooks(settings, journal, link)


_WORKS: dict[str, MakeWork] = {"instructions": _instructions, "s3": _s3, "webhooks": _webhooks}


def make_work(name: str, settings: Settings, journal: Journal, link: Link) -> Work:
    """Return what runs under this name. `link` leads to the ledger's database, for cursors. Raises UnknownBridge."""
    if name in _WORKS:
        return _WORKS[name](settings, journal, link)
    if name in _SINKS:
        return make_bridge(name, _SINKS[name](settings), settings, journal, link)
    raise UnknownBridge(f"this program has no bridge {name}; it has: {', '.join(known_bridges()) or 'none'}")


def make_sink(name: str, settings: Settings) -> Sink:
    """Return the sink of this name, one of `known_sinks`."""
    return _SINKS[name](settings)


def known_sinks() -> list[str]:
    """Return the names of the bridges that are nothing but a sink."""
    return sorted(_SINKS)


def known_bridges() -> list[str]:
    """Return the names of all bridges of this version of the program."""
    return sorted({*_WORKS, *_SINKS})


def make_bridge(name: str, sink: Sink, settings: Settings, journal: Journal, link: Link) -> Bridge:
    """Return a bridge from the journal to this sink."""
    return Bridge(name, sink, journal, Translator(journal), link, settings.bridge_share)
