"""python -m deploy.up: `make up`. Starts the stack of docker-compose.yml, waits, and says where everything is.

It looks before it starts: docker, its engine, the port. When a part does not come up, it names the part and says its
last words. Exit 0 up, 1 not (one line on standard error for each cause), 2 wrong usage.
"""

import argparse
import errno
import json
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.config_file import load_config
from shared.errors import SuiteError

ROOT = Path(__file__).parents[1]
SERVICES = ("auth", "crm", "orders")
_COMPOSE = ("docker", "compose", "--project-directory", str(ROOT))


class NotUp(SuiteError):
    """The stack cannot start, or did not; the message says what is missing and the remedy."""


@dataclass(frozen=True)
class Plan:
    """What docker compose made of its files, the shell and `.env`."""

    port: int
    address: str
    urls: dict[str, str]
    local: bool


def main(arguments: list[str] | None = None) -> int:
    """Run and return the exit code."""
    parser = argparse.ArgumentParser(prog="make up", description="Start the containers and wait until all is ready.")
    parser.add_argument("--data-dir", type=Path, default=Path(".data"), help="the CA's certificate is copied below it")
    given = parser.parse_args(arguments)
    try:
        refuse_missing_docker()
        plan = read_plan()
        refuse_taken_port(plan)
        start()
        print(welcome(plan, copy_authority(given.data_dir)))
    except SuiteError as error:
        for line in str(error).splitlines():
            print(f"up: {line}", file=sys.stderr)
        return 1
    return 0


def refuse_missing_docker() -> None:
    """Raise NotUp unless docker, its compose plugin and its engine are there."""
    without = "or run the suite without containers: make run"
    if shutil.which("docker") is None:
        raise NotUp(f"docker was not found: install Docker with its compose plugin, {without}")
    if _run("docker", "compose", "version").returncode:
        raise NotUp(f"docker has no compose plugin (v2): install docker-compose-plugin, {without}")
    engine = _run("docker", "version", "--format", "{{.Server.Version}}")
    if engine.returncode:
        raise NotUp(f"docker's engine does not answer: start it, {without} ({_last_line(engine.stderr)})")


def read_plan() -> Plan:
    """Return what is about to run.

    Raises:
        NotUp: docker compose cannot read its files, or a variable in them.
    """
    done = _run(*_COMPOSE, "config", "--format", "json")
    if done.returncode:
        remedy = "look at HTTPS_PORT and DOMAIN in the shell and in .env"
        raise NotUp(f"docker compose refuses its configuration: {_last_line(done.stderr)} ({remedy})")
    services: dict[str, Any] = json.loads(done.stdout)["services"]
    (published,) = services["caddy"]["ports"]
    environment = services["auth"]["environment"]
    urls = {
        "auth": environment["AUTH_ISSUER"],
        "crm": environment["CRM_AUDIENCE"],
        "orders": environment["ORDERS_AUDIENCE"],
    }
    return Plan(int(published["published"]), published["host_ip"], urls, environment["ENVIRONMENT"] == "local")


def refuse_taken_port(plan: Plan) -> None:
    """Raise NotUp when something else than this stack listens on the port."""
    if _run(*_COMPOSE, "port", "caddy", str(plan.port)).stdout.strip():
        return  # this stack's own
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((plan.address, plan.port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                return  # a port that only the engine may bind
            remedy = "stop what holds it, or take another: HTTPS_PORT=9443 make up"
            raise NotUp(f"HTTPS_PORT: port {plan.port} on {plan.address} is taken; {remedy}") from error


def start() -> None:
    """Build, start and wait.

    Raises:
        NotUp: a line for each part that failed.
    """
    done = subprocess.run([*_COMPOSE, "up", "--detach", "--build", "--wait", "--wait-timeout", "300"], check=False)
    if done.returncode == 0:
        return
    failed = list(_last_words()) or ["docker compose up failed; what it said stands above"]
    raise NotUp("\n".join([*failed, *_doctors(), "all of it: make logs"]))


def _last_words() -> list[str]:
    """Return a line for each container that failed: its service, what became of it, and the last it said."""
    lines = []
    for container in _containers():
        exited = container["State"] in {"exited", "dead"} and container["ExitCode"] != 0
        if exited or container["State"] == "restarting" or container.get("Health") == "unhealthy":
            became = f"exit code {container['ExitCode']}" if exited else container.get("Health") or container["State"]
            log = _run("docker", "logs", "--tail", "1", container["Name"])
            said = _last_line(log.stderr) or _last_line(log.stdout) or "it said nothing"
            lines.append(f"{container['Service']} ({became}): {said}")
    return lines


def _doctors() -> list[str]:
    """Return what the doctor of each running service has to say, where there is one."""
    verdicts = []
    for service in sorted({container["Service"] for container in _containers() if container["State"] == "running"}):
        if service in SERVICES:
            done = _run(*_COMPOSE, "exec", "-T", service, "python", "-m", f"services.{service}", "doctor")
            if done.returncode == 1:  # 2: a service without a doctor
                verdicts += [f"{service} doctor: {line}" for line in done.stdout.splitlines() if line.strip()]
    return verdicts


def _containers() -> list[dict[str, Any]]:
    listed = _run(*_COMPOSE, "ps", "--all", "--format", "json").stdout.strip()
    if listed.startswith("["):  # compose before 2.21
        found: list[dict[str, Any]] = json.loads(listed)
        return found
    return [json.loads(line) for line in listed.splitlines()]


def copy_authority(data_dir: Path) -> Path:
    """Copy the authority's certificate out of its volume and return where it is.

    Raises:
        NotUp: no container could say it.
    """
    done = _run(*_COMPOSE, "exec", "-T", "crm", "cat", "/secrets/ca/ca.crt")
    if done.returncode or not done.stdout.startswith("-----BEGIN CERTIFICATE-----"):
        raise NotUp(f"the CA's certificate cannot be read: {_last_line(done.stderr)}")
    file = data_dir / "compose" / "ca.crt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(done.stdout, encoding="ascii")
    return file.absolute()


def welcome(plan: Plan, authority: Path) -> str:
    """Return what a person needs to go on."""
    lines = ["", "ready", ""]
    lines += [f"  {service:<7} {url}" for service, url in plan.urls.items()]
    if plan.local:
        lines += ["", "  Sign in as:"]
        for user in load_config(ROOT / "config" / "local.yaml", {})["users"]:
            second_factor = "then the code of: make totp" if user.get("totp_secret") else ""
            lines.append(f"  {user['username']:<7} {user['password']:<24} {second_factor}".rstrip())
    nss = f"certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n company-sso -i {authority}"
    debian = f"sudo cp {authority} /usr/local/share/ca-certificates/company-sso.crt && sudo update-ca-certificates"
    lines += [
        "",
        f"  The certificates are signed by {authority}",
        "  (made on this machine, good for these names alone). To trust it:",
        f"  macOS            sudo security add-trusted-cert -d -k /Library/Keychains/System.keychain {authority}",
        f"  Windows          certutil -addstore Root {authority}   (as administrator)",
        f"  Debian, Ubuntu   {debian}",
        f"  Fedora           sudo trust anchor {authority}",
        f"  Chrome on Linux  {nss}",
        "  Firefox          Settings, Privacy & Security, View Certificates, Authorities, Import",
        "",
        "  Try:",
        f"  curl --cacert {authority} {plan.urls['auth']}/.well-known/openid-configuration",
        "",
        "make logs follows them, make down stops them (data and keys stay).",
    ]
    return "\n".join(lines)


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


if __name__ == "__main__":
    sys.exit(main())
