"""`python -m services.auth`."""

import sys

from services.auth.cli import main

sys.exit(main())
