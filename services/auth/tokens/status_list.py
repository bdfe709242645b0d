"""The Token Status List: each sign-in's reference to it, and the ports of what the database keeps of the list.

Spec: draft-ietf-oauth-status-list-17 s4.1 (bits), s6.2 (referenced token); Policy: ADR-0015
A bit that is set says: no token with this reference is good any more.
"""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

#: The `typ` of a signed list.
STATUS_LIST_TYP = "statuslist+jwt"
#: Our own claim: a list with a lower version is an older one, whatever its `iat`.
VERSION_CLAIM = "urn:company:status_version"

#: Indices in one shard of the status list; one bit each, 16,384 bytes.
SHARD_SIZE = 131_072


@dataclass(frozen=True, order=True)
class StatusReference:
    """One bit of the list: that of a family, or of a machine client."""

    shard: int
    index: int

    def claim(self, issuer: str) -> dict[str, Any]:
        """Return the `status` claim of a token with this reference."""
        return {"status_list": {"idx": self.index, "uri": status_list_uri(issuer, self.shard)}}


def status_list_uri(issuer: str, shard: int) -> str:
    """Return the address of a shard, which is its name too."""
    return f"{issuer}/status/{shard}"


def status_reference_of(claims: dict[str, Any]) -> StatusReference | None:
    """Return the reference that the claims of an access token of ours name; None for one from before there were any."""
    if "status" not in claims:
        return None
    status_list = claims["status"]["status_list"]
    return StatusReference(int(status_list["uri"].rpartition("/")[2]), status_list["idx"])


def set_bits(bits: bytes, indices: Iterable[int], *, to: bool) -> bytes:
    """Return the bits with these ones set or cleared; index 0 is the lowest bit of the first byte."""
    changed = bytearray(bits)
    for index in indices:
        if to:
            changed[index >> 3] |= 1 << (index & 7)
        else:
            changed[index >> 3] &= ~(1 << (index & 7))
    return bytes(changed)


class StatusShards(Protocol):
    """The port that storage implements: the bits, which move their shard's version whenever they change."""

    def revoke(self, references: Iterable[StatusReference], now: datetime) -> None:
        """Set these bits, for good."""
        ...


@dataclass(frozen=True)
class Versions:
    """What replicas look at: the version of the key set, of every shard, and of those of machine clients."""

    key_set: int
    shards: Mapping[int, int]
    machine_shards: Mapping[int, int]


class Publications(Protocol):
    """The port that storage implements; each method is one statement."""

    def versions(self) -> Versions: ...

    def shard(self, shard: int) -> tuple[int, bytes]:
        """Return version and bits, which belong together, of a shard that is there."""
        ...


class MachineStatuses(Protocol):
    """The port that storage implements: the references of clients that act for themselves (client_credentials)."""

    def find(self, client_id: str) -> StatusReference | None:
        """Return the live reference of an enabled client, in one statement; None: it has none, or is disabled."""
        ...

    def draw(self, client_id: str, now: datetime) -> StatusReference | None:
        """Give an enabled client a reference, unless it has one, and return it. Holds the client's row."""
        ...

    def retire(self, client_id: str, now: datetime) -> StatusReference | None:
        """Take the client's reference away and return it; None: it had none."""
        ...


class MachineStores(Protocol):
    """What a machine client's token needs of the database."""

    @property
    def machine_statuses(self) -> MachineStatuses: ...


class MachineDatabase(Protocol):
    """Opens those stores."""

    def autocommit(self) -> AbstractContextManager[MachineStores]: ...

    def transaction(self) -> AbstractContextManager[MachineStores]: ...


def machine_status(database: MachineDatabase, client_id: str, now: datetime) -> StatusReference | None:
    """Return the reference for a token that a client gets for itself, drawn at the first one; None: it is disabled.

    One statement. A client whose tokens were ended gets another reference.
    """
    with database.autocommit() as stores:
        reference = stores.machine_statuses.find(client_id)
    if reference is None:
        with database.transaction() as stores:
            reference = stores.machine_statuses.draw(client_id, now)
    return reference
