"""What people call the program behind a User-Agent: "Firefox on Windows". Only for them to read: it proves nothing."""

from services.auth.language import gettext as _

#: The first that a User-Agent holds counts: those of others' engines come before the engine's own.
_PROGRAMS = (
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
_SHOWN = 60


def agent_in_words(agent: str | None) -> str | None:
    """Return it; what is no browser's is cut and shown as it is. None: nothing is known."""
    if not agent:
        return None
    program = next((name for mark, name in _PROGRAMS if mark in agent), None)
    system = next((name for mark, name in _SYSTEMS if mark in agent), None)
    if program is None:
        return agent if len(agent) <= _SHOWN else f"{agent[:_SHOWN]}..."
    return program if system is None else _("%(program)s on %(system)s", program=program, system=system)
