"""The composition root of auth: where storage meets the features."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from ssl import SSLContext

from starlette.types import ASGIApp

from services.auth.accounts.browser_session import SessionLifetimes
from services.auth.audit.ledger import Ledger
from services.auth.authorization.device_requests import DeviceRequests
from services.auth.authorization.new_password import NewPassword
from services.auth.authorization.own.factors import own_factors
from services.auth.authorization.passkey_sign_in import passkey_sign_in
from services.auth.authorization.pushed import PushedRequests
from services.auth.authorization.sign_in import SignIn
from services.auth.authorization.sign_in_steps import SignInSteps
from services.auth.background import running
from services.auth.cache.registrations import Registrations
from services.auth.cache.replica import Replica
from services.auth.cache.signed_lists import SignedLists
from services.auth.clients.account_pages import account_client
from services.auth.endpoints import (
    app_links,
    authorize,
    device,
    device_authorization,
    discovery,
    home,
    introspect,
    jwks,
    logout,
    par,
    related_origins,
    revoke,
    status_list,
    styleguide,
    token,
    userinfo,
    well_known,
)
from services.auth.endpoints.account.pages import ACCOUNT_ENDPOINTS
from services.auth.endpoints.interaction import confirm, consent, login, mfa, passkey
from services.auth.endpoints.recovery import forgot, invitation, reset, verify_address
from services.auth.endpoints.web.appearance import Appearance
from services.auth.endpoints.web.context import AuthContext
from services.auth.endpoints.web.dispatch import Dispatch
from services.auth.keys.key_ring import KeyRing, load_key_ring
from services.auth.keys.key_set import KeySet, load_key_set
from services.auth.keys.signer import Signer
from services.auth.logout.back_channel.delivery import LogoutDelivery
from services.auth.logout.back_channel.post import Poster, trust
from services.auth.mail.configured import mail_delivery
from services.auth.protocol.authorization_request_checks import AuthorizationRequestChecks
from services.auth.protocol.client_authentication import ClientAuthentication
from services.auth.protocol.dpop import DpopProofs, nonces_under
from services.auth.protocol.introspection import Introspection
from services.auth.protocol.token_revocation import TokenRevocation
from services.auth.rate_limits.limits import Limit, RateLimits
from services.auth.rate_limits.pace import Holding
from services.auth.settings import AuthSettings
from services.auth.storage import SqlAuthDatabase
from services.auth.token_endpoint.authorization_code import AuthorizationCodeGrant
from services.auth.token_endpoint.client_credentials import ClientCredentialsGrant
from services.auth.token_endpoint.device_code import DeviceCodeGrant
from services.auth.token_endpoint.founding import Founding
from services.auth.token_endpoint.pipeline import Grant, TokenEndpoint, by_type
from services.auth.token_endpoint.refresh_token import RefreshTokenGrant
from services.auth.token_endpoint.token_exchange import TokenExchangeGrant
from services.auth.token_endpoint.user_tokens import UserTokens
from services.auth.tokens.issue import TokenIssuer
from shared.client_address import Forwarding
from shared.clock import Clock
from shared.database import Database
from shared.errors import ConfigurationError

#: What auth answers; discovery lists it in this order.
ENDPOINTS = (
    home.endpoint,
    authorize.endpoint,
    par.endpoint,
    device_authorization.endpoint,
    token.endpoint,
    userinfo.endpoint,
    revoke.endpoint,
    introspect.endpoint,
    logout.endpoint,
    jwks.endpoint,
    discovery.openid_configuration,
    discovery.oauth_authorization_server,
    status_list.endpoint,
    app_links.android,
    app_links.apple,
    login.endpoint,
    mfa.endpoint,
    consent.endpoint,
    confirm.endpoint,
    invitation.endpoint,
    reset.endpoint,
    forgot.endpoint,
    verify_address.endpoint,
    well_known.change_password,
    well_known.security_txt,
    styleguide.endpoint,
    *ACCOUNT_ENDPOINTS,
    passkey.endpoint,
    related_origins.endpoint,
    device.endpoint,
)


def create_app(settings: AuthSettings, clock: Clock | None = None) -> Dispatch:
    """Return the application, its keys loaded (the first start makes the first one).

    Raises:
        ConfigurationError: a key is missing or does not fit.
        Unavailable: the database does not answer.
    """
    clock = clock or settings.clock()
    database = Database(settings.database("auth"))
    encryption = encryption_keys(settings)
    context = _context(settings, SqlAuthDatabase(database), encryption, clock)

    @asynccontextmanager
    async def lifespan(app: object) -> AsyncIterator[None]:
        del app
        try:
            async with running(context, database, encryption):
                yield
        finally:
            database.dispose()

    def ready() -> None:
        database.ping()
        context.replica.require_keys(clock.now())

    def elsewhere() -> ASGIApp:
        from services.auth.elsewhere import create_elsewhere  # noqa: PLC0415 - it brings FastAPI, a quarter of all imports

        return create_elsewhere(ready, ENDPOINTS, context.appearance)

    return Dispatch(ENDPOINTS, context, lifespan, elsewhere)


def encryption_keys(settings: AuthSettings) -> KeyRing:
    """Return the key-encryption keys; in local mode they are made under the data directory."""
    return key_ring(settings, "key_encryption_keys")


def key_ring(settings: AuthSettings, name: str) -> KeyRing:
    """Return the ring of the setting `name`, read or made as `load_key_ring` does."""
    text: str = getattr(settings, name).get_secret_value()
    return load_key_ring(text, name=f"AUTH_{name.upper()}", local_file=local_secret_file(settings, name))


def local_secret_file(settings: AuthSettings, name: str) -> Path | None:
    """Return where local mode keeps the secret `name` that no setting gives; None: it is not local mode."""
    return settings.data_dir / "secrets" / name.replace("_", "-") if settings.local else None


def token_issuer(settings: AuthSettings, key_set: KeySet) -> TokenIssuer:
    """Return what signs the tokens of these settings."""
    signer = Signer(key_set)
    return TokenIssuer(settings.issuer, signer, settings.access_token_lifetime, settings.id_token_lifetime)


def _context(settings: AuthSettings, database: SqlAuthDatabase, encryption: KeyRing, clock: Clock) -> AuthContext:
    with database.transaction() as stores:
        key_set = load_key_set(stores.signing_keys, encryption, bits=settings.signing_key_bits, now=clock.now())
    registrations = Registrations(database, settings.client_cache_lifetime)
    issuer, mac_keys = token_issuer(settings, key_set), key_ring(settings, "refresh_mac_keys")
    signer = issuer.signer
    authentication = ClientAuthentication(registrations, database, settings.issuer)
    proofs = DpopProofs(database, settings.issuer, nonces_under(mac_keys), settings.dpop_require_nonce)
    requests = AuthorizationRequestChecks(registrations, signer, settings.issuer)
    lifetimes = SessionLifetimes(settings.session_idle_lifetime, settings.session_absolute_lifetime)
    limits = {
        Limit.AUTHORIZE: settings.rate_limit_authorize,
        Limit.PAR: settings.rate_limit_par,
        Limit.TOKEN: settings.rate_limit_token,
        Limit.INTROSPECT: settings.rate_limit_introspect,
        Limit.LOGOUT: settings.rate_limit_logout,
        Limit.RECOVERY: settings.rate_limit_recovery,
        Limit.DEVICE: settings.rate_limit_device,
        Limit.SIGN_IN: settings.rate_limit_sign_in,
    }
    rate_limits = RateLimits(limits, storage_url=settings.rate_limit_storage_url.get_secret_value())
    steps = SignInSteps(database, lifetimes, rate_limits)
    replica = Replica(database, signer, encryption, interval=settings.look_interval, machine_statuses=registrations)
    signed_lists = SignedLists(
        database,
        replica,
        signer,
        issuer=settings.issuer,
        ttl=settings.status_ttl,
        lifetime=settings.status_list_lifetime,
    )
    appearance = Appearance(settings.brand)
    return AuthContext(
        settings=settings,
        clock=clock,
        database=database,
        registrations=registrations,
        account_client=account_client(settings.brand_name, settings.issuer, (each.path for each in ACCOUNT_ENDPOINTS)),
        token_issuer=issuer,
        token_endpoint=TokenEndpoint(
            _grants(settings, database, registrations, issuer, mac_keys), authentication, proofs, issuer
        ),
        introspection=Introspection(authentication, database, signer, settings.issuer),
        token_revocation=TokenRevocation(authentication, database, registrations, mac_keys, signer, settings.issuer),
        authorization_requests=requests,
        pushed_requests=PushedRequests(authentication, proofs, requests, database, settings.pushed_request_lifetime),
        device_requests=DeviceRequests(
            authentication,
            registrations,
            database,
            f"{settings.issuer}{device.endpoint.path}",
            settings.device_code_lifetime,
        ),
        proofs=proofs,
        sign_in=SignIn(steps, encryption),
        passkey_sign_in=passkey_sign_in(steps, settings.passkey_site, settings.brand_name, settings.passkey_pages),
        new_password=NewPassword(database, encryption, settings.brand_name),
        own_factors=own_factors(steps, encryption, settings.brand_name),
        forwarding=Forwarding(settings.proxy_networks),
        rate_limits=rate_limits,
        holding=Holding(),
        replica=replica,
        signed_lists=signed_lists,
        logout_delivery=_logout_delivery(settings, database, signer, replica, clock),
        mail_delivery=mail_delivery(settings, database, clock, _trusted(settings)),
        ledger=Ledger(database, clock.now),
        endpoints=ENDPOINTS,
        appearance=appearance,
    )


def _grants(
    settings: AuthSettings,
    database: SqlAuthDatabase,
    registrations: Registrations,
    issuer: TokenIssuer,
    mac_keys: KeyRing,
) -> Mapping[str, Grant]:
    """Return what /token answers; discovery lists these types, in this order."""
    tokens = UserTokens(registrations, database, issuer)
    founding = Founding(settings, database, tokens, mac_keys)
    return by_type(
        AuthorizationCodeGrant(founding),
        RefreshTokenGrant(settings, database, tokens, mac_keys),
        ClientCredentialsGrant(registrations, issuer),
        TokenExchangeGrant(registrations, database, issuer),
        DeviceCodeGrant(database, founding),
    )


def _logout_delivery(
    settings: AuthSettings, database: SqlAuthDatabase, signer: Signer, replica: Replica, clock: Clock
) -> LogoutDelivery:
    return LogoutDelivery(
        database=database,
        clock=clock,
        signer=signer,
        refresh=replica.refresh,
        issuer=settings.issuer,
        poster=Poster(settings.backchannel_networks, loopback=settings.local, trust=_trusted(settings)),
        give_up_after=settings.backchannel_give_up_after,
    )


def _trusted(settings: AuthSettings) -> SSLContext:
    try:
        return trust(settings.backchannel_ca_file)
    except OSError as error:
        file = settings.backchannel_ca_file
        raise ConfigurationError(f"AUTH_BACKCHANNEL_CA_FILE: no certificate can be read from {file}") from error
