"""Which lane a message takes: one to each host for what that host decides by itself, others for what other hosts have a part in.

A call is answered as a whole, so what shares a call waits for the slowest in it. Payments that travel to another host have lanes of
their own, one for each host that they go to: a dead host makes only those wait that need it.
"""

from collections.abc import Mapping, Sequence

from actors.host import Connect, HostGone, HostHandle
from actors.lane import Lane
from processor.core import messages as m
from processor.core.routing import shard_of

_HERE, _SEVERAL, _LATER = "", "several legs", "operations"

Road = tuple[str, str]
"""The host that is asked, and where it goes from there."""


class Lanes:
    """One API replica's lanes to all hosts."""

    def __init__(self, connect: Connect, timeout_seconds: float) -> None:
        self._connect = connect
        self._timeout = timeout_seconds
        self._owners: Mapping[int, str] = {}
        self._shards = 0
        self._has_one_host = True
        self._handles: dict[str, HostHandle] = {}
        self._lanes: dict[Road, Lane] = {}

    @property
    def waiting_messages(self) -> int:
        """How many messages wait in all lanes, or are under way."""
        return sum(lane.waiting_messages for lane in self._lanes.values())

    def learn(self, owners: Mapping[int, str], shards: int) -> None:
        """Take in who owns which shard now, by the name of its actor, and how many shards there are."""
        self._owners = owners
        self._shards = shards
        hosts = set(owners.values())
        self._has_one_host = len(hosts) <= 1
        for road in [road for road, lane in self._lanes.items() if road[0] not in hosts and not lane.waiting_messages]:
            del self._lanes[road]
        self._handles = {host: handle for host, handle in self._handles.items() if host in hosts}

    def lane_for(self, message: m.AnyMessage) -> Lane | None:
        """Return the lane that the message takes; None if its shard has no owner that can be reached."""
        owner = self._owners.get(message.shard)
        if owner is None:
            return None
        return self._lane((owner, _HERE if self._has_one_host else self._direction(message, owner)))

    def sort(
        self, messages: Sequence[m.AnyMessage], positions: Sequence[int], ownerless: list[int]
    ) -> list[tuple[Lane, list[int]]]:
        """Return which lane takes the messages at which positions; those without a lane go to `ownerless`."""
        groups: dict[Lane | None, list[int]] = {}
        for position in positions:
            groups.setdefault(self.lane_for(messages[position]), []).append(position)
        ownerless += groups.pop(None, [])
        return [(lane, group) for lane, group in groups.items() if lane is not None]

    def sort_many(self, payments: m.PayMany, shards: int, ownerless: list[int]) -> list[tuple[Lane, Sequence[int]]]:
        """Return the same for the payments at which places."""
        owners = [self._owners.get(shard) for shard in range(shards)]
        groups: dict[tuple[str | None, str], Sequence[int]]
        if len(set(owners)) == 1:
            groups = {(owners[0], _HERE): range(len(payments))}
        else:
            split: dict[tuple[str | None, str], list[int]] = {}
            for place, (source, target) in enumerate(zip(payments.from_accounts, payments.to_accounts, strict=True)):
                owner, other = owners[shard_of(source, shards)], owners[shard_of(target, shards)]
                split.setdefault((owner, _HERE if other == owner or other is None else other), []).append(place)
            groups = dict(split)
        found = []
        for (owner, direction), group in groups.items():
            lane = self._lane((owner, direction)) if owner is not None else None
            if lane is None:
                ownerless += group
            else:
                found.append((lane, group))
        return found

    def _direction(self, message: m.AnyMessage, owner: str) -> str:
        shards = self._shards
        if isinstance(message, m.Pay):
            other = self._owners.get(shard_of(message.to_account, shards), owner)
            return _HERE if other == owner else other
        if isinstance(message, m.PayLegs | m.Hold):
            accounts = {account for leg in message.legs for account in (leg.from_account, leg.to_account)}
            others = {self._owners.get(shard_of(account, shards), owner) for account in accounts}
            return _HERE if others == {owner} else _SEVERAL
        # What is done to a payment may have to be told to other hosts' shards: the message does not say which.
        return _LATER if isinstance(message, m.Capture | m.Void | m.Refund) else _HERE

    def _lane(self, road: Road) -> Lane | None:
        lane = self._lanes.get(road)
        if lane is None:
            owner = road[0]
            try:
                handle = self._handles.get(owner) or self._connect(owner)
            except HostGone:
                return None
            self._handles[owner] = handle
            lane = self._lanes[road] = Lane(handle, self._timeout)
        return lane
