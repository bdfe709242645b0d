"""The menu of the account pages, in the order in which people see it."""

from services.auth.language import mark

#: Path and label.
NAVIGATION: tuple[tuple[str, str], ...] = (
    ("/account", mark("Overview")),
    ("/account/profile", mark("Profile")),
    ("/account/sign-in-methods", mark("Sign-in methods")),
    ("/account/sessions", mark("Browsers")),
    ("/account/devices", mark("Apps on your devices")),
    ("/account/apps", mark("Connected applications")),
    ("/account/activity", mark("Activity")),
)
