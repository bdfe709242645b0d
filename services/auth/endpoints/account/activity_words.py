"""What each event of the audit trail is called in front of the person whom it is about.

Policy: ADR-0078. An event that is not here is for operators alone.
"""

from services.auth.language import mark

WORDS: dict[str, str] = {
    "signed_in": mark("You signed in."),
    "first_factor_accepted": mark("Your password was given; the second step was still to come."),
    "sign_in_failed": mark("Somebody tried to sign in with a wrong password."),
    "second_factor_failed": mark("Somebody gave a wrong second step after your password."),
    "passkey_failed": mark("Somebody tried to sign in with a passkey that was not accepted."),
    "passkey_copied": mark("A passkey was stopped, because it seems to have been copied."),
    "passkey_added": mark("A passkey was added."),
    "passkey_removed": mark("A passkey was removed."),
    "session_ended": mark("A browser was signed out."),
    "logout": mark("An application was signed out together with its browser."),
    "logout_everywhere": mark("You signed out everywhere."),
    "signed_in_as_another_user": mark("Somebody else signed in in the same browser."),
    "too_many_sessions": mark("The oldest of many sign-ins was ended."),
    "authorization_code_redeemed": mark("You signed in to an application."),
    "authorization_code_replay": mark("A sign-in was ended for safety: its code was used twice."),
    "refresh_token_reuse": mark("A sign-in was ended for safety: an old key of it was used."),
    "refresh_token_retried_by_another_agent": mark("An application answered from two programs at once."),
    "revoked_by_client": mark("An application signed you out of itself."),
    "consent_given": mark("You allowed an application access."),
    "consent_withdrawn": mark("You took back what an application was allowed."),
    "ended_by_user": mark("You ended a sign-in."),
    "ended_by_operator": mark("An administrator ended a sign-in."),
    "phone_lost": mark("You ended everything because a phone or computer was lost."),
    "password_reset_offered": mark("An administrator made a link for a new password."),
    "password_set": mark("A new password was chosen."),
    "password_changed": mark("Your password was changed, and sign-ins were ended."),
    "password_reset": mark("Sign-ins were ended, because a new password was chosen."),
    "second_factor_changed": mark("Your second step was changed, and sign-ins were ended."),
    "second_factor_reset": mark("Your second step was removed, and sign-ins were ended."),
    "email_changed": mark("Your e-mail address was changed."),
    "email_verification_asked": mark("A link to confirm an e-mail address was asked for."),
    "profile_changed": mark("Your name was changed."),
    "user_created": mark("Your account was made."),
    "user_invited": mark("You were invited."),
    "invitation_accepted": mark("You accepted your invitation."),
    "invitation_used": mark("You chose your first password."),
    "user_unlocked": mark("An administrator let you try again after failed attempts."),
    "user_disabled": mark("An administrator closed your account."),
    "user_enabled": mark("An administrator opened your account again."),
}
