"""python -m scripts.doctors: the doctors of auth, crm and orders, with the settings that `make run` gives them.

Exit 1 when one of them found a failure. `make doctor` runs it.
"""

import os
import subprocess
import sys

from services.local_stack import ROOT, SERVICES, StackError, stack_environment


def main() -> int:
    """Run each doctor as a process of its own, as an operator would, and return the exit code."""
    try:
        environment = stack_environment(os.environ)  # noqa: TID251 - handed on to the three
    except StackError as error:
        print(f"doctor: {error}", file=sys.stderr)
        return 1
    runs = [
        subprocess.run([sys.executable, "-m", f"services.{name}", "doctor"], cwd=ROOT, env=environment, check=False)
        for name in SERVICES
    ]
    return int(any(done.returncode for done in runs))


if __name__ == "__main__":
    sys.exit(main())
