"""`python -m services.orders`."""

import sys

from services.orders.cli import main

if __name__ == "__main__":
    sys.exit(main())
