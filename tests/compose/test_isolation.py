"""What one part may see and do of the others: as little as it needs, tried from inside its container."""

import json

import pytest

from tests.support.compose import RUNNING, SERVICES, ComposeStack

TMP = "/tmp"  # noqa: S108 - a container's tmpfs

#: Tells, from inside, what a container could do to itself, what it can write to, and which secrets it reads.
LOOK_AROUND = """
import json, os, pathlib
status = dict(line.split(":", 1) for line in open("/proc/1/status").read().splitlines())
writable = []
for folder, folders, files in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(folder, name) != "/proc"]
    if os.access(folder, os.W_OK):
        writable.append(folder)
        folders.clear()
    else:
        paths = [os.path.join(folder, name) for name in files]
        writable += [path for path in paths if os.access(path, os.W_OK) and not path.startswith("/dev/")]
secrets = {str(file): file.read_text() for file in pathlib.Path("/secrets").rglob("*") if file.is_file()}
print(json.dumps({
    "capabilities": [status[name].strip() for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")],
    "uid": os.getuid(),
    "no_new_privileges": status["NoNewPrivs"].strip(),
    "writable": writable,
    "secrets": secrets,
    "environment": dict(os.environ),
}))
"""

#: In every container, in memory: where processes of the container could share pages.
SHARED_MEMORY = {"/dev/shm", "/dev/mqueue"}  # noqa: S108


@pytest.mark.parametrize(("service", "own"), [("auth", {TMP}), ("crm", {TMP, "/data"}), ("orders", {TMP, "/data"})])
def test_a_service_writes_to_its_own_and_reads_its_own(compose: ComposeStack, service: str, own: set[str]) -> None:
    seen = json.loads(compose.python(service, LOOK_AROUND))
    assert {int(capability, 16) for capability in seen["capabilities"]} == {0}
    assert seen["uid"] == 10001
    assert seen["no_new_privileges"] == "1"
    assert set(seen["writable"]) - SHARED_MEMORY == own
    beside = {"auth": {"auth-database", "own-ca"}, "crm": set(), "orders": {"orders-client"}}[service]
    assert {file.split("/")[2] for file in seen["secrets"]} == {service, "ca"} | beside
    for file, text in seen["secrets"].items():
        assert "PRIVATE KEY" not in text, file
        assert "_owner" not in text, file
        if not file.startswith(("/secrets/ca/", "/secrets/own-ca")):
            assert text.strip() not in seen["environment"].values(), file


def test_every_container_is_held(compose: ComposeStack) -> None:
    containers = compose.inspect()
    assert {container["Config"]["Labels"]["com.docker.compose.service"] for container in containers.values()} == {
        *RUNNING
    }
    for name, container in containers.items():
        host = container["HostConfig"]
        assert container["State"]["Health"]["Status"] == "healthy", name
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert (host["CapAdd"] or []) == (["NET_BIND_SERVICE"] if "-caddy-" in name else []), name
        assert "no-new-privileges:true" in host["SecurityOpt"], name
        assert not host["Privileged"], name
        assert host["Memory"] > 0 and host["NanoCpus"] > 0 and host["PidsLimit"] > 0, name
        assert container["Config"]["User"].split(":")[0] not in {"", "0", "root"}, name
        published = {port: at for port, at in container["NetworkSettings"]["Ports"].items() if at}
        if "-caddy-" in name:
            here = [{"HostIp": "127.0.0.1", "HostPort": str(compose.port)}]
            assert published == {f"{compose.port}/tcp": here}
        else:
            assert published == {}, name


def test_the_proxy_and_the_stores_have_no_capability_either(compose: ComposeStack) -> None:
    for service in ("caddy", "postgres", "valkey"):
        status = compose.inside(service, "cat", "/proc/1/status").stdout
        assert "CapEff:\t0000000000000000" in status, service


def test_nothing_but_the_proxy_is_in_reach_of_an_api(compose: ComposeStack) -> None:
    program = """
import concurrent.futures, socket
def away(name):
    try:
        if name == "world":
            socket.create_connection(("192.0.2.1", 80), timeout=2)
        else:
            socket.getaddrinfo(name, 80)
    except OSError:
        return name
with concurrent.futures.ThreadPoolExecutor() as pool:
    print(*pool.map(away, ["auth", "orders", "valkey", "world"]))
"""
    assert compose.python("crm", program).split() == ["auth", "orders", "valkey", "world"]


CONNECT = """
import pathlib, psycopg
url = pathlib.Path("/secrets/crm/database-url").read_text().replace("+psycopg", "")
for database in ("auth", "orders", "postgres", "template1"):
    try:
        psycopg.connect(url.removesuffix("/crm") + "/" + database, connect_timeout=5)
    except psycopg.OperationalError as error:
        assert "permission denied for database" in str(error), error
        print(database)
"""


def test_the_credentials_of_crm_open_its_own_database_alone(compose: ComposeStack) -> None:
    assert compose.python("crm", CONNECT).split() == ["auth", "orders", "postgres", "template1"]


#: Statements that must fail for the service's role: each needs the owner.
FORBIDDEN = """
import pathlib, psycopg, sys
folder = {"auth": "auth-database"}.get(sys.argv[1], sys.argv[1])
url = pathlib.Path(f"/secrets/{folder}/database-url").read_text().replace("+psycopg", "")
with psycopg.connect(url, autocommit=True) as connection:
    for statement in sys.argv[2:]:
        try:
            connection.execute(statement)
        except psycopg.errors.InsufficientPrivilege:
            print("refused")
        else:
            print("DONE:", statement)
    connection.execute("SELECT version_num FROM alembic_version")
"""


@pytest.mark.parametrize(("service", "table"), [("auth", "users"), ("crm", "contacts"), ("orders", "orders")])
def test_a_service_cannot_change_its_schema(compose: ComposeStack, service: str, table: str) -> None:
    statements = [
        "CREATE TABLE mine (id int)",
        "CREATE TEMPORARY TABLE mine (id int)",
        "CREATE SCHEMA mine",
        f"ALTER TABLE {table} ADD COLUMN mine int",
        f"DROP TABLE {table}",
        f"TRUNCATE {table}",
        "UPDATE alembic_version SET version_num = 'x'",
    ]
    if service == "auth":
        statements += ["UPDATE audit_events SET event = 'x'", "DELETE FROM audit_events", "TRUNCATE audit_events"]
        statements += ["ALTER TABLE audit_events DISABLE TRIGGER ALL", "SELECT * FROM pg_authid"]
    if service == "orders":
        statements += ["UPDATE order_history SET actor_sub = 'x'", "DELETE FROM order_history"]
    done = compose.inside(service, "python", "-c", FORBIDDEN, service, *statements)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["refused"] * len(statements)


def test_every_role_has_a_password_of_its_own_and_no_privilege(compose: ComposeStack) -> None:
    query = "SELECT rolname, rolsuper, rolcreatedb, rolcreaterole, rolpassword LIKE 'SCRAM%' FROM pg_authid"
    rows = compose.sql("postgres", query + " WHERE rolcanlogin AND rolname <> 'postgres'")
    found = dict(row.split("|", 1) for row in rows.splitlines())
    assert set(found) == {role for service in SERVICES for role in (service, f"{service}_owner")}
    assert set(found.values()) == {"f|f|f|t"}
    assert compose.sql("postgres", "SELECT count(DISTINCT rolpassword) FROM pg_authid WHERE rolcanlogin") == "7"
