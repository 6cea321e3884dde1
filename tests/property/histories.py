"""Histories in which many things happen on several hosts, drawn from a seed."""

from random import Random

from processor.core.ledger import Retention
from processor.core.messages import Leg
from processor.core.results import Result
from processor.core.routing import shard_of
from processor.journal.record import NO_HASH, Record
from tests.cluster import Cluster, Place, account_on, place_of

SHARDS, HOSTS, STEPS = 4, 2, 250
ACCOUNTS = [account_on(shard, SHARDS, nth) for shard in range(SHARDS) for nth in range(2)]


def lived(seed: int) -> Cluster:
    """Return a cluster on which many things have been asked, in an order that the seed draws; it has come to rest."""
    random = Random(seed)
    cluster = Cluster(SHARDS, HOSTS, Retention(outcomes=8, filter_bytes=256))
    places: list[Place] = []
    for account in ACCOUNTS:
        cluster.open(account, min_balance=-200)
    for number in range(STEPS):
        step = random.choice(("pay", "pay", "hold", "hold", "capture", "void", "refund", "refund", "expire", "status", "crash"))
        if step in ("pay", "hold"):
            names = [random.sample(ACCOUNTS, 2) for _ in range(random.choice((1, 1, 2)))]
            legs = [Leg(giver, taker, random.randint(1, 60), "EUR") for giver, taker in names]
            answer = (cluster.pay if step == "pay" else cluster.hold)(f"{seed}/{number}", *legs)
            if answer.result is Result.ACCEPTED:
                places.append(place_of(shard_of_first(legs), answer))
        elif step == "expire":
            cluster.let_holds_expire()
        elif step == "status":
            cluster.set_status(random.choice(ACCOUNTS), random.choice(("open", "open", "frozen")))
        elif step == "crash":
            cluster.crash(random.randrange(HOSTS))
        elif places:
            operate(cluster, step, f"{seed}/{number}", random.choice(places), random)
    cluster.check()
    return cluster


def shard_of_first(legs: list[Leg]) -> int:
    """Return the home of a payment with these legs."""
    return shard_of(legs[0].from_account, SHARDS)


def operate(cluster: Cluster, step: str, key: str, place: Place, random: Random) -> None:
    """Ask for something to be done to a payment; that it may be refused is part of the history."""
    if step == "capture":
        cluster.capture(key, place, None, random.random() < 0.5)
    elif step == "void":
        cluster.void(key, place)
    else:
        cluster.refund(key, place, None, random.choice((None, "a mistake")))


def records_of(cluster: Cluster, shard: int) -> list[Record]:
    """Return the shard's stream as a journal stores it."""
    made: list[Record] = []
    previous = NO_HASH
    for sealed in cluster.journal[shard]:
        made.append(Record(shard, 1, sealed.sequence, sealed.at, previous, sealed.payload))
        previous = made[-1].hash()
    return made
