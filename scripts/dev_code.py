"""python -m scripts.dev_code: prints the present code of bob's second factor, as his phone would show it.

Bob is a seed of config/local.yaml; nobody's real secret is read. `make totp` runs it. It follows the CLOCK_FILE of a
local stack.
"""

import os
import sys

from mobile.local_stack import BadSetting, LocalStack
from mobile.simulator import BOB
from shared.clock import Clock

if __name__ == "__main__":
    try:
        stack = LocalStack.named_by(os.environ)  # noqa: TID251 - where a stack answers, and its clock
    except BadSetting as error:
        sys.exit(f"no code: {error}")
    print(BOB.one_time_code(Clock(stack.clock_file)))
