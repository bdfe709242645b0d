"""The scripts of auth's pages, and whatever else a page would run."""

import re

_OWN = re.compile(r'<script src="/static/(?:pages|passkeys)\.js\?v=[0-9a-f]{12}" defer></script>')


def without_own_script(page: str) -> str:
    """Return the page without the script that every page loads, and that of passkeys."""
    return _OWN.sub("", page, count=2)
