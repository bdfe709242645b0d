"""Limits that more than one place has to know; most are of the APIs' files: from them follow a container's memory and
the patience of the proxy.

docs/limits.md tells how they add up; `tests/architecture/test_limits_add_up.py` holds docker-compose.yml, the Caddyfile
and that page against it.
"""

from datetime import timedelta

MIB = 1024 * 1024

#: Bytes of the largest file, and of all that one process holds at once; more are refused with 503.
LARGEST_FILE = 20 * MIB
FILES_IN_FLIGHT = 64 * MIB
#: Files that one process receives at a time, and what one may take to arrive.
FILES_AT_ONCE = 4
FILE_ARRIVAL = timedelta(seconds=120)
#: What one waits for its turn at most, one being worked on at a time, and what that work may take.
FILE_TURN = timedelta(seconds=30)
FILE_WORK = timedelta(seconds=60)
#: Memory of an API's process, beside those files: at rest, with its caches full, and at work on one file.
API_AT_REST = 160 * MIB
API_AT_WORK = 64 * MIB
#: What a proxy in front of it grants beyond that, so that it is the service that refuses.
PROXY_MARGIN = timedelta(seconds=10)
#: Percent escapes of one address or form, each of which takes as long as 50 plain bytes. The longest request that means
#: something, a `claims` parameter beside a `state`, has some 2,500.
MOST_ESCAPES = 4096
#: Parameters of one query or form, and members of one JSON body at the APIs: an order of 200 lines has 603.
MOST_PARAMETERS = 100
MOST_MEMBERS = 2000
