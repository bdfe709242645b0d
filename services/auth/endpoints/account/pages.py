"""Every page of the account, those included that people do not reach by the menu."""

from services.auth.endpoints.account import activity, apps, devices, home, sessions, sign_in_methods

ACCOUNT_ENDPOINTS = (
    home.endpoint,
    sign_in_methods.endpoint,
    sessions.endpoint,
    devices.endpoint,
    apps.endpoint,
    activity.endpoint,
)
