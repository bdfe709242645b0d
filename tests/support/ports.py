"""Free ports for servers that are started a little later."""

import random  # noqa: TID251 - any port will do; the system's own randomness, so that two runs at once differ
import socket

# Below the range from which Linux takes the local ports of outgoing connections: nothing lands here by chance
# between the look and the start.
_RANGE = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """Return `count` different loopback ports on which nothing listens at this moment."""
    found: list[int] = []
    for port in random.SystemRandom().sample(_RANGE, k=500):
        if _is_free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise RuntimeError("no free port was found in 500 tries")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
