"""The menu of the account pages, in the order in which people see it."""

#: Path and label.
NAVIGATION: tuple[tuple[str, str], ...] = (
    ("/account", "Overview"),
    ("/account/sign-in-methods", "Sign-in methods"),
)
