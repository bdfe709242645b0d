"""A database as doctor sees it: does it answer, is its schema this code's, whose is it. Reads, never writes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from shared.database import Database
from shared.doctor.report import Check, Failed, Finding, ok
from shared.errors import ConfigurationError, Unavailable
from shared.installation import installation_of
from shared.settings import ServiceSettings

_MIGRATIONS = Path(__file__).parents[2] / "migrations"


def database_checks(service: str, settings: ServiceSettings) -> list[Check]:
    """Return the checks of the service's database: that it answers, that its schema is this code's, and whose it is."""
    url = settings.database(service)

    def answers() -> Finding:
        with opened(url) as database:
            database.ping()
            return ok(f"answers: {status_reference_of(database)}")

    def at_head() -> Finding:
        script = ScriptDirectory(_MIGRATIONS, version_locations=[str(_MIGRATIONS / service)])
        known = {revision.revision for revision in script.walk_revisions()}
        heads = set(script.get_heads())
        with opened(url) as database, database.autocommit() as connection:
            stands = set(MigrationContext.configure(connection).get_current_heads())
        if not stands:
            raise Failed("the database has no schema yet")
        if stands - known:
            names = ", ".join(sorted(stands - known))
            raise Failed(f"the database stands at {names}, which this code does not know", "run the code that made it")
        if stands != heads:
            raise Failed(f"the database stands at {', '.join(sorted(stands))}, behind {', '.join(sorted(heads))}")
        return ok(f"at head: {', '.join(sorted(heads))}")

    def remembers() -> Finding:
        with opened(url) as database, database.autocommit() as connection:
            known = installation_of(connection)
        if known is None:
            return ok("not used yet: the first start makes it local or production, for good")
        if fault := known.fault(settings.environment):
            raise Failed(fault, "docs/runbooks/production-settings.md, A database remembers")
        issuer = str(getattr(settings, "issuer", ""))
        if known.issuer not in {None, issuer}:
            raise Failed(f"its tokens name {known.issuer}, these settings {issuer}")
        return ok(f"{known.environment} since {known.since:%Y-%m-%d}; its tokens name {known.issuer or 'nobody yet'}")

    prefix = str(settings.model_config.get("env_prefix", ""))
    return [
        Check("database", answers, "correct the setting DATABASE_URL"),
        Check("migrations", at_head, f"bring it to head: alembic -n {service} upgrade head"),
        Check("installation", remembers, f"run doctor with the {prefix}ISSUER of the running service"),
    ]


@contextmanager
def opened(url: str) -> Iterator[Database]:
    """Yield a database of one check's own.

    Raises:
        Failed: it is away, it refuses us, it has no schema, or its SQLite file is not there (it isn't made).
    """
    file = url.removeprefix("sqlite:///").partition("?")[0]
    if url.startswith("sqlite:///") and not Path(file).is_file():
        raise Failed(f"there is no file {file}", "migrate it first (alembic upgrade head), or correct DATA_DIR")
    database = Database(url, pool_size=1)
    try:
        yield database
    except Unavailable as error:
        refused = "authentication failed" in str(getattr(error.__cause__, "orig", ""))
        remedy = "start it, or correct the setting DATABASE_URL (host, port, database, role, password)"
        says = f"{status_reference_of(database)} {'refuses role or password' if refused else 'does not answer'}"
        raise Failed(says, remedy) from error
    except ConfigurationError as error:
        raise Failed(str(error).partition(":")[0], "see `migrations`") from error
    finally:
        database.dispose()


def status_reference_of(database: Database) -> str:
    """Return what the database is and where, without role or password."""
    url = database.engine.url
    where = "" if url.host is None else f"{url.host}{f':{url.port}' if url.port else ''}/"
    return f"{url.get_backend_name()} {where}{url.database}"
