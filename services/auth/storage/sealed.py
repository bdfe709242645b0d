"""Every column that is sealed under a key-encryption key, and sealing its rows anew under the current one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Table, func, select, update

from services.auth.accounts.totp import totp_label
from services.auth.keys.encryption import reseal
from services.auth.keys.key_ring import ID_BYTES, KeyRing
from services.auth.keys.signing_key import signing_key_label
from services.auth.storage.tables import signing_keys, totp_credentials
from shared.database import Database
from shared.errors import ConfigurationError

#: Rows of one transaction.
BATCH = 500


@dataclass(frozen=True)
class SealedColumn:
    """`label`: what the ciphertext of the row with this key is bound to."""

    what: str
    table: Table
    key: Column[Any]
    sealed: Column[Any]
    label: Callable[[Any], str]


SEALED = (
    SealedColumn(
        "signing keys", signing_keys, signing_keys.c.kid, signing_keys.c.sealed_private_key, signing_key_label
    ),
    SealedColumn(
        "TOTP secrets", totp_credentials, totp_credentials.c.user_id, totp_credentials.c.sealed_secret, totp_label
    ),
)


@dataclass(frozen=True)
class Resealed:
    """How many rows of a column are under the current key now, and what is wrong with those that stayed."""

    what: str
    count: int
    faults: tuple[str, ...]


def reseal_all(database: Database, ring: KeyRing) -> Iterator[Resealed]:
    """Seal every row that is under an older key under the current one; doing it again changes nothing.

    Beside running processes: they open both, and a row that one of them has changed meanwhile is left to the next run.
    """
    for column in SEALED:
        count, faults, last = 0, [], None
        while True:
            with database.unit_of_work() as connection:
                older = func.substr(column.sealed, 1, ID_BYTES) != ring.current  # of a removed key nothing is left
                query = select(column.key, column.sealed).where(older, func.length(column.sealed) > 0)
                if last is not None:
                    query = query.where(column.key > last)
                rows = connection.execute(query.order_by(column.key).limit(BATCH).with_for_update()).all()
                for key, sealed in rows:
                    last = key
                    try:
                        anew = reseal(ring, sealed, belongs_to=column.label(key))
                    except ConfigurationError as error:
                        faults.append(str(error))
                        continue
                    row = (column.key == key, column.sealed == sealed)
                    values = {column.sealed.name: anew}
                    count += connection.execute(update(column.table).where(*row).values(values)).rowcount
            if len(rows) < BATCH:
                break
        yield Resealed(column.what, count, tuple(faults))
