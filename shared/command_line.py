"""The command line that every service has: serve [--workers N], apply FILE [--plan], doctor.

Exit 0 ok, 1 refused or failed (one line on standard error says why), 2 usage.
"""

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Generic

from starlette.types import ASGIApp

from shared.asgi import ConnectionLimits, Edge, ServerOptions, serve
from shared.asgi.workers import Post, Workers
from shared.errors import ConfigurationError, SuiteError
from shared.installation import recognise, settle_issuer
from shared.logs import configure_logs
from shared.misnamed_settings import misnamed_settings
from shared.settings import MOST_WORKERS, Settings, load_settings

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - argparse names it nowhere else
else:
    Subparsers = argparse.Action

_WORKERS_HELP = "processes on one port, each with its own memory and database connections; default: the setting WORKERS"


@dataclass(frozen=True)
class ToApply:
    """What `apply` is asked: the file, whether to write, to disable what the file drops, and to break live tokens."""

    file: Path
    write: bool
    prune: bool = False
    confirmed: bool = False


def _no_more(commands: Subparsers) -> None:
    """Add no commands of the service's own."""
    del commands


@dataclass(frozen=True)
class Commands(Generic[Settings]):
    """What one service puts behind the commands.

    `apply` returns one line a change, made or to be made (`prunes`: it also takes --prune and --yes). `doctor` returns
    the exit code and loads the settings itself, since bad ones are its first finding. `add_commands` adds the service's
    own: each sets the default `act`, a function of settings and arguments that returns the lines to print, or
    None if it has printed what there was.
    `names_issuer`: the service is the issuer that its tokens name; `apply` of the others brings seeds, in local alone.
    """

    service: str
    settings_class: type[Settings]
    create_app: Callable[[Settings], ASGIApp]
    apply: Callable[[Settings, ToApply], Sequence[str]]
    doctor: Callable[[], int]
    add_commands: Callable[[Subparsers], object] = _no_more

    prunes: bool = False
    names_issuer: bool = False

    def run(self, arguments: Sequence[str] | None = None) -> int:
        """Run one command and return its exit code; without `arguments`, those of the process."""
        words = sys.argv[1:] if arguments is None else arguments
        given = self._parser(whole=list(words[:1]) != ["serve"]).parse_args(words)
        if given.command == "doctor":
            return self.doctor()
        try:
            settings = self._recognised(load_settings(self.settings_class), given)
            if given.command == "serve":
                self._serve(settings, given.workers or settings.workers, given.worker)
            elif given.command != "apply":
                lines = given.act(settings, given)
                if lines is not None:
                    print("\n".join(lines) or "nothing to do")
            else:
                asked = ToApply(given.file, not given.plan, prune=given.prune, confirmed=given.yes)
                print("\n".join(self.apply(settings, asked)) or "nothing to do")
        except SuiteError as error:
            print(f"{self.service}: {error}", file=sys.stderr)
            return 1
        return 0

    def _parser(self, *, whole: bool) -> argparse.ArgumentParser:
        """Return the parser; not `whole`: without the own commands of the service, whose imports no start needs."""
        parser = argparse.ArgumentParser(prog=f"python -m services.{self.service}")
        commands = parser.add_subparsers(dest="command", required=True)
        serving = commands.add_parser("serve", help="serve until SIGTERM or Ctrl-C")
        serving.add_argument("--workers", type=int, choices=range(1, MOST_WORKERS + 1), metavar="N", help=_WORKERS_HELP)
        serving.add_argument("--worker", type=Post.read, help=argparse.SUPPRESS)  # what `Workers` starts
        apply = commands.add_parser("apply", help="bring the database to what a configuration file says")
        apply.add_argument("file", type=Path)
        apply.add_argument("--plan", action="store_true", help="say what would change, and change nothing")
        apply.set_defaults(prune=False, yes=False)
        if self.prunes:
            dropped = "disable the clients and users, and remove the APIs, that the file's sections do not name"
            apply.add_argument("--prune", action="store_true", help=dropped)
            breaking = "make a change that breaks live tokens, such as another identifier of an API"
            apply.add_argument("--yes", action="store_true", help=breaking)
        commands.add_parser("doctor", help="look at settings, database, keys, issuer and clocks; exit 1 if one fails")
        if whole:
            self.add_commands(commands)
        return parser

    def _recognised(self, settings: Settings, given: argparse.Namespace) -> Settings:
        """Refuse a database of the other environment, and return the settings with the issuer that its tokens name."""
        if given.command == "apply" and not self.names_issuer and not settings.local:
            raise ConfigurationError("apply: seed records are refused with ENVIRONMENT=production")
        # a database that nobody has used yet becomes what its first process or configuration is
        begins = given.command == "serve" or (given.command == "apply" and not given.plan)
        known = recognise(self.service, settings, writes=begins)
        issuer, remembered = str(getattr(settings, "issuer", "")), known.issuer if known else None
        if self.names_issuer and remembered not in {None, issuer}:
            if "issuer" not in settings.model_fields_set:
                return settings.model_copy(update={"issuer": remembered})
            if given.command != "apply":
                raise ConfigurationError(
                    f"{self.service.upper()}_ISSUER: is {issuer}, but the tokens of this database name {remembered};"
                    " unset it, or change the issuer: apply FILE --plan, then apply FILE --yes"
                )
        if given.command == "serve" and remembered != issuer:
            settle_issuer(self.service, settings, issuer)
        return settings

    def _serve(self, settings: Settings, workers: int, post: Post | None) -> None:
        configure_logs(self.service, settings.log_level)
        for told in misnamed_settings(self.settings_class) if post is None else ():
            logging.getLogger("settings").warning(told)
        options = ServerOptions(
            settings.host,
            settings.port,
            settings.tls_cert_file,
            settings.tls_key_file,
            ConnectionLimits(
                settings.header_timeout, settings.body_timeout, settings.keep_alive_timeout, settings.max_connections
            ),
        )
        if post is not None:
            serve(Edge(self.create_app(settings)), options, listener=post.socket(), may_begin=post.may_begin)
        elif workers > 1:
            if not getattr(settings, "rate_limit_storage_url", ""):
                prefix = self.service.upper()
                logging.getLogger("workers").warning(
                    "each worker counts rate limits for itself: set %s_RATE_LIMIT_STORAGE_URL", prefix
                )
            command = [sys.executable, "-m", f"services.{self.service}", "serve", "--worker"]
            Workers(command, workers, settings.host, settings.port).run()
        else:
            serve(Edge(self.create_app(settings)), options)


def moment(at: datetime | None) -> str:
    """Return a moment as a command prints it: UTC, to the second."""
    return "-" if at is None else f"{at:%Y-%m-%dT%H:%M:%SZ}"
