"""Ends what the app dropped: a sign-in that failed after its code was redeemed, one that another replaced, a sign-out.

The tokens of all these would stay good for months. Each is kept as "to revoke" until the provider has confirmed, also
when the network is away or the app is killed.
Policy: ADR-0053
Spec: RFC 7009, RFC 9700 s4.14
"""

from mobile.errors import MobileError, Offline
from mobile.provider import Provider
from mobile.store import TokenStore
from shared.clock import Clock


class DroppedTokens:
    """Revokes what the store keeps to be revoked."""

    def __init__(self, store: TokenStore, provider: Provider, clock: Clock) -> None:
        self._store = store
        self._provider = provider
        self._clock = clock

    def end(self) -> bool:
        """Revoke each token that is still to be revoked; return whether none is left.

        Asks nothing of anybody if there is none. Gives up for this time when the provider is out of reach.

        Raises:
            StoreError: the store cannot be used.
        """
        if not self._store.load().to_revoke:
            return True
        with self._store.lock():
            contents = self._store.load()
            for item in contents.to_revoke:
                if not item.dead(self._clock.now()):
                    try:
                        self._provider.revoke(item.token)
                    except Offline:
                        return False
                    except MobileError:
                        continue  # this one is refused; the others may not be
                contents = contents.revoked(item.token)
                self._store.save(contents)
            return not contents.to_revoke
