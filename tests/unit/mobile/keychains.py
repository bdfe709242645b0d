"""A keychain in memory, and what a store is filled with."""

from collections.abc import Callable
from datetime import UTC, datetime

import jwt
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError

from mobile.authorization import PendingSignIn, Registration
from mobile.contents import Contents
from mobile.tokens import Tokens

REGISTRATION = Registration("https://auth.example")
NOW = datetime(2030, 1, 1, tzinfo=UTC)
ID_TOKEN = jwt.encode({"sub": "alice", "filler": "i" * 1_000}, "k" * 32, "HS256")
TOKENS = Tokens("a" * 1_500, "r" * 200, ID_TOKEN, NOW, "openid")
PENDING = PendingSignIn.begin("myapp://callback", NOW)
FULL = Contents(TOKENS, {PENDING.state: PENDING}).dropping("d" * 100, NOW)


class Keychain(KeyringBackend):
    """A keychain in memory, with the limit of Windows' Credential Locker. `before_each` runs before each change."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # keyring has no types there
        self.entries: dict[tuple[str, str], str] = {}
        self.writes_left = 1_000
        self.before_each: Callable[[], None] = lambda: None

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        assert len(password.encode("utf-16-le")) <= 2_560
        self._change()
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if (service, username) not in self.entries:
            raise PasswordDeleteError("not there")
        self._change()
        del self.entries[service, username]

    def _change(self) -> None:
        self.before_each()
        if self.writes_left == 0:
            raise KeyringLocked("locked")
        self.writes_left -= 1
