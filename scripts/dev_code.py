"""python -m scripts.dev_code: prints the present code of bob's second factor, as his phone would show it.

Bob is a seed of config/local.yaml; nobody's real secret is read. `make totp` runs it.
"""

from mobile.simulator import BOB
from shared.clock import Clock

if __name__ == "__main__":
    print(BOB.one_time_code(Clock()))
