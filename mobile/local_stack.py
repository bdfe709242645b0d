"""Where the local stack answers, by the settings that `make run` follows: ports, TLS, data directory, clock.

In: environment variables as in `.env.example`; without any, the addresses of a plain `make run`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mobile.network import safe_for_tokens


class BadSetting(Exception):
    """An environment variable that cannot be followed; the message names it."""


@dataclass(frozen=True)
class LocalStack:
    """The three addresses, the CA that signed their certificates, and the file that moves their clocks."""

    issuer: str
    crm: str
    orders: str
    ca_file: Path | None
    clock_file: Path | None

    @classmethod
    def named_by(cls, environment: Mapping[str, str]) -> "LocalStack":
        """Read `environment`.

        Raises:
            BadSetting: a port is not a number, TLS is neither 0 nor 1, or an address is unfit for tokens.
        """
        tls = environment.get("TLS") or "0"
        if tls not in {"0", "1"}:
            raise BadSetting(f"TLS: must be 1 (https) or 0 (http), not {tls!r}")
        scheme = "https" if tls == "1" else "http"

        def address(whole: str, port: str, usual: int) -> str:
            number = environment.get(port) or str(usual)
            if not number.isdecimal() or not 0 < int(number) < 65_536:
                raise BadSetting(f"{port}: must be a port number, not {number!r}")
            url = environment.get(whole) or f"{scheme}://localhost:{number}"
            if not safe_for_tokens(url):
                raise BadSetting(f"{whole}: must be https, or http on this machine, not {url!r}")
            return url

        authority = Path(environment.get("DATA_DIR") or ".data") / "tls" / "ca.crt"
        moved = environment.get("CLOCK_FILE") if environment.get("ENVIRONMENT") == "local" else None
        return cls(
            issuer=address("AUTH_ISSUER", "AUTH_PORT", 9000),
            crm=address("CRM_AUDIENCE", "CRM_PORT", 9001),
            orders=address("ORDERS_AUDIENCE", "ORDERS_PORT", 9002),
            ca_file=authority if tls == "1" else None,
            clock_file=Path(moved) if moved else None,
        )
