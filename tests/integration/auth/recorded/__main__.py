"""Record the answers anew: `python -m tests.integration.auth.recorded`.

Do this when an answer is meant to change, and read the difference in answers.json before it is committed.
Prints how many requests there are, by endpoint.
"""

import tempfile
from collections import Counter
from pathlib import Path

from tests.integration.auth.recorded.recorder import as_text
from tests.integration.auth.recorded.story import ANSWERS, played

with tempfile.TemporaryDirectory(prefix="sso-recorded-") as directory:
    recorded = played(Path(directory))
ANSWERS.write_text(as_text(recorded), encoding="utf-8")
paths = Counter(answer["path"].partition("?")[0] for answers in recorded.values() for answer in answers)
for path, count in sorted(paths.items(), key=lambda item: (-item[1], item[0])):
    print(f"{count:5} {path}")
print(f"{paths.total():5} requests")
