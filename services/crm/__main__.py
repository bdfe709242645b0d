"""`python -m services.crm`."""

import sys

from services.crm.cli import main

if __name__ == "__main__":
    sys.exit(main())
