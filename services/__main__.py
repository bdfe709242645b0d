"""python -m services: the whole suite on this machine, three processes, until Ctrl-C (or SIGTERM).

What a person should read goes to standard output, the services' logs to standard error. Exit 0 when it was
asked to stop, 1 when it could not start or every service has ended.
"""

import argparse
import asyncio
import os
import shlex
import signal
import sys
from pathlib import Path

from services.local_stack import LOCAL_CONFIG, SERVICES, LocalStack, StackError, stack_environment
from shared.config_file import load_config
from shared.errors import SuiteError


def main() -> int:
    """Run the stack; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m services", description="Run auth, crm and orders on this machine.")
    parser.epilog = "Settings are environment variables: see .env.example."
    parser.parse_args()
    try:
        environment = stack_environment(os.environ)  # noqa: TID251 - handed on to the three processes
        return asyncio.run(_run(LocalStack(environment)))
    except SuiteError as error:
        print(f"services: {error}", file=sys.stderr)
        return 1


async def _run(stack: LocalStack) -> int:
    work = asyncio.create_task(_start_and_watch(stack))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # under nohup it goes on
            asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        _say("stopping")
        return 0
    finally:
        await stack.stop()
    raise StackError("every service has ended")


async def _start_and_watch(stack: LocalStack) -> None:
    _say("starting auth, crm and orders")
    await stack.start()
    _say(_welcome(stack))
    async for name, exit_code, left in stack.ends():
        _say(f"{name} ended with exit code {exit_code}; {left} of {len(SERVICES)} go on")


def _welcome(stack: LocalStack) -> str:
    data = stack.environment["DATA_DIR"]
    lines = ["", f"ready (ENVIRONMENT={stack.environment['ENVIRONMENT']}, data in {data})", ""]
    lines += [f"  {name:<7} {stack.address(name)}" for name in SERVICES]
    if stack.tls:
        trust = "import it as an authority into the browser; for a program: SSL_CERT_FILE, --cacert, --ca-file"
        lines += ["", f"  The CA: {stack.tls.authority} (good for this machine alone; to trust it: {trust})"]
    if stack.local:
        lines += ["", "  Sign in as:"]
        for user in load_config(LOCAL_CONFIG, stack.environment)["users"]:
            second_factor = "then the code of: make totp" if user.get("totp_secret") else ""
            lines.append(f"  {user['username']:<7} {user['password']:<24} {second_factor}".rstrip())
        lines += ["", "  Try, in a second terminal:", *_next_commands(stack)]
    return "\n".join([*lines, "", "Ctrl-C stops all three."])


def _next_commands(stack: LocalStack) -> list[str]:
    """Return the commands to try next, as they can be typed in this directory, whatever the other terminal has set."""
    addresses = [stack.environment[name] for name in ("AUTH_ISSUER", "CRM_AUDIENCE", "ORDERS_AUDIENCE")]
    options: list[str] = []
    if addresses != ["http://localhost:9000", "http://localhost:9001", "http://localhost:9002"]:
        options = ["--issuer", addresses[0], "--crm", addresses[1], "--orders", addresses[2]]
    if stack.tls:
        options += ["--ca-file", str(stack.tls.authority)]
    python = Path(sys.executable)
    shown = python.relative_to(Path.cwd()) if python.is_relative_to(Path.cwd()) else python
    return [f"  {shlex.join([str(shown), '-m', 'mobile', *options, command])}" for command in ("login", "contacts")]


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
