"""Every column that is sealed under a key-encryption key, and sealing its rows anew under the current one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, and_, func, not_, select, update

from services.auth.accounts.recovery_codes import recovery_code_label
from services.auth.accounts.sealed_password import PREFIX, open_hash, password_label, seal_hash, sealed_under
from services.auth.accounts.totp import totp_label
from services.auth.keys.encryption import reseal
from services.auth.keys.key_ring import ID_BYTES, KeyRing
from services.auth.keys.signing_key import signing_key_label
from services.auth.storage.tables import recovery_codes, signing_keys, totp_credentials, users
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

    def older(self, ring: KeyRing) -> ColumnElement[bool]:
        """Return which rows are under another key than the current one; of a removed key nothing is left."""
        other = func.substr(self.sealed, 1, ID_BYTES) != ring.current
        return and_(other, func.length(self.sealed) > 0)

    def anew(self, ring: KeyRing, key: Any, sealed: Any) -> Any:
        """Return what a row holds under the current key. Raises ConfigurationError as `reseal` does."""
        return reseal(ring, sealed, belongs_to=self.label(key))


@dataclass(frozen=True)
class SealedText(SealedColumn):
    """A column of text, some of whose values are sealed: passwords' hashes."""

    def older(self, ring: KeyRing) -> ColumnElement[bool]:
        return and_(self.sealed.startswith(PREFIX, autoescape=True), not_(self.sealed.startswith(sealed_under(ring))))

    def anew(self, ring: KeyRing, key: Any, sealed: Any) -> Any:
        password_hash = open_hash(ring, key, sealed)
        return seal_hash(ring, key, password_hash) if password_hash is not None else sealed


SEALED: tuple[SealedColumn, ...] = (
    SealedColumn(
        "signing keys", signing_keys, signing_keys.c.kid, signing_keys.c.sealed_private_key, signing_key_label
    ),
    SealedColumn(
        "TOTP secrets", totp_credentials, totp_credentials.c.user_id, totp_credentials.c.sealed_secret, totp_label
    ),
    SealedText("passwords", users, users.c.id, users.c.password_hash, password_label),
    SealedColumn(
        "recovery codes", recovery_codes, recovery_codes.c.id, recovery_codes.c.sealed_hash, recovery_code_label
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
                query = select(column.key, column.sealed).where(column.older(ring))
                if last is not None:
                    query = query.where(column.key > last)
                rows = connection.execute(query.order_by(column.key).limit(BATCH).with_for_update()).all()
                for key, sealed in rows:
                    last = key
                    try:
                        anew = column.anew(ring, key, sealed)
                    except ConfigurationError as error:
                        faults.append(str(error))
                        continue
                    row = (column.key == key, column.sealed == sealed)
                    values = {column.sealed.name: anew}
                    count += connection.execute(update(column.table).where(*row).values(values)).rowcount
            if len(rows) < BATCH:
                break
        yield Resealed(column.what, count, tuple(faults))
