"""`python -m services.auth`."""

import sys

from services.auth.operations.cli import main

sys.exit(main())
