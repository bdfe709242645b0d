"""Every page of the account, those included that people do not reach by the menu."""

from services.auth.endpoints.account import (
    activity,
    apps,
    authenticator,
    authenticator_removal,
    devices,
    email,
    home,
    lost_phone,
    passkeys,
    password,
    profile,
    recovery_codes,
    sessions,
    sign_in_methods,
)

ACCOUNT_ENDPOINTS = (
    home.endpoint,
    profile.endpoint,
    email.endpoint,
    sign_in_methods.endpoint,
    password.endpoint,
    authenticator.endpoint,
    authenticator_removal.endpoint,
    recovery_codes.endpoint,
    passkeys.endpoint,
    sessions.endpoint,
    devices.endpoint,
    apps.endpoint,
    activity.endpoint,
    lost_phone.endpoint,
)
