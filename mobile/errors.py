"""What can go wrong for the app; each kind asks the person for something different.

MobileError
|-- Offline               the other side is out of reach, or unable for the moment; tokens are kept, try again later
|   `-- UntrustedServer   somebody answers, and TLS does not prove that it is the right one
|-- SignInRequired        there is nothing to go on with; sign in
|   `-- SignInRefused     the person, or the wait for them, ended the sign-in
|-- ProviderError         the provider answered with an error, or with something that it must not answer
|   |-- NotYet            nobody has answered the device's sign-in so far
|   |-- InvalidGrant      the provider no longer takes this code or refresh token
|   `-- IdTokenRejected   the ID token fails validation
|       |-- ClockSkew     it fails only by its times: this device's clock is wrong, or the provider's
|       `-- OtherPerson   it is valid, and about somebody else
|-- UnexpectedCallback    a redirect that no waiting sign-in asked for: ignore it and go on waiting
|-- ApiError              an API refused or failed
`-- StoreError            the token store is unusable or unsafe
    `-- ForeignStore      it is another client's, or another provider's

No message holds a token, a code, a state or the body of a response.
"""


class MobileError(Exception):
    """Base of every error of the app."""


class Offline(MobileError):
    """The other side cannot be reached, or says that it is unable for the moment. Tokens are kept."""


class UntrustedServer(Offline):
    """The server's certificate is not trusted, or it does not speak TLS. Nothing was sent to it; tokens are kept."""


class SignInRequired(MobileError):
    """There are no tokens, or none that still work."""


class SignInRefused(SignInRequired):
    """The sign-in ended without tokens: cancelled, denied, timed out, or done by somebody else."""


class ProviderError(MobileError):
    """The provider refused, failed, or broke the protocol. Tokens are kept."""


class InvalidGrant(ProviderError):
    """RFC 6749 s5.2 `invalid_grant`: the one answer that signs the app out."""


class NotYet(ProviderError):
    """RFC 8628 s3.5 `authorization_pending`, or `slow_down`: ask again, with `too_soon` less often."""

    def __init__(self, *, too_soon: bool) -> None:
        super().__init__("nobody has answered yet")
        self.too_soon = too_soon


class IdTokenRejected(ProviderError):
    """The ID token fails a check of OpenID Connect Core s3.1.3.7."""


class ClockSkew(IdTokenRejected):
    """The ID token is signed by the provider, and yet from the future or already past."""


class OtherPerson(IdTokenRejected):
    """The ID token of a refresh answer is signed by the provider, and names another subject."""


class UnexpectedCallback(MobileError):
    """Not the answer to a sign-in that waits here."""


class ApiError(MobileError):
    """An API answered with an error status."""


class StoreError(MobileError):
    """The token store cannot be used, or not safely."""


class ForeignStore(StoreError):
    """The token store holds another registration's tokens: neither used nor emptied."""
