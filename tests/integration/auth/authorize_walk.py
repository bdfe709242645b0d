"""A person's, or an attacker's, random walk over /authorize, and an oracle that knows what each code took.

The oracle shares nothing with the provider: it keeps what was really done in each browser, and judges every answer.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx2
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from services.auth.accounts.user import normalise_username
from tests.integration.auth.provider import Provider, action_of, answer_of, claims_of, hidden_fields
from tests.integration.auth.seeds import ALICE, BOB, CAROL, DEEP_LINK, PARTNER_CALLBACK, PARTNER_SECRET, PORTAL_SECRET

USERS = {who[0]: who for who in (ALICE, BOB, CAROL)}
CLIENTS: dict[str, dict[str, Any]] = {
    "mobile-app": {"redirect_uri": DEEP_LINK},
    "portal": {
        "redirect_uri": "https://portal.company.localhost/callback?tenant=1",
        "client_secret": PORTAL_SECRET,
    },
    "partner-web": {"redirect_uri": PARTNER_CALLBACK, "client_secret": PARTNER_SECRET},
}
DAY, STEP_UP, IDLE = timedelta(hours=24), timedelta(hours=12), timedelta(hours=12)


@dataclass
class Known:
    """What the oracle knows of a browser's session."""

    user: str
    auth_time: datetime
    password_at: datetime
    mfa_at: datetime | None
    idle_until: datetime

    def has_mfa(self, now: datetime) -> bool:
        return self.mfa_at is not None and now - self.mfa_at <= DAY

    def acr(self, now: datetime) -> str:
        """A second factor from before the last password is remembered, and no part of that sign-in."""
        return "mfa" if self.has_mfa(now) and self.mfa_at and self.mfa_at >= self.password_at else "1fa"


@dataclass
class Tab:
    """One request in one browser; `authenticated`, `agreed`, `allowed`: the session for which that was done in it."""

    browser: int
    client: str
    prompt: str
    max_age: int | None
    wants_mfa: bool
    scopes: frozenset[str]
    state: str
    began: datetime
    page: httpx2.Response
    pages: int = 0
    pending: tuple[str, datetime] | None = None
    authenticated: Known | None = None
    password_in: Known | None = None
    agreed: Known | None = None
    allowed: Known | None = None
    over: bool = False
    answered: Any = None  # where to, and when


@dataclass
class Oracle:
    """Every session and consent that there really is."""

    sessions: dict[int, Known] = field(default_factory=dict)
    consents: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    def session(self, browser: int, now: datetime) -> Known | None:
        known = self.sessions.get(browser)
        return known if known is not None and now < known.idle_until else None


class AuthorizeWalk(RuleBasedStateMachine):
    """Two browsers, three users, three clients. `provider` is set by the test."""

    provider: Provider

    @initialize()
    def begin(self) -> None:
        self.oracle = Oracle()
        self.browsers = [self.provider.browser(), self.provider.browser("198.51.100.7", "Other/1")]
        self.tabs: list[Tab] = []
        self.provider.sql("DELETE FROM consents")

    @property
    def now(self) -> datetime:
        return self.provider.clock.now()

    # ------------------------------------------------ what can be done

    @rule(
        browser=st.integers(0, 1),
        client=st.sampled_from(sorted(CLIENTS)),
        prompt=st.sampled_from(["", "", "none", "login", "consent", "select_account", "login consent"]),
        max_age=st.sampled_from([None, None, 0, 60]),
        wants_mfa=st.booleans(),
        more=st.booleans(),
    )
    def open_link(
        self, browser: int, client: str, prompt: str, max_age: int | None, wants_mfa: bool, more: bool
    ) -> None:
        scopes = frozenset({"openid", "crm:read"} if more else {"openid"})
        asked: dict[str, str | None] = {
            "client_id": client,
            "redirect_uri": CLIENTS[client]["redirect_uri"],
            "scope": " ".join(sorted(scopes)),
            "state": f"state-{len(self.tabs)}",
            "prompt": prompt or None,
            "max_age": None if max_age is None else str(max_age),
            "acr_values": "urn:company:acr:mfa" if wants_mfa else None,
        }
        answer = self.browsers[browser].open(**asked)
        tab = Tab(browser, client, prompt, max_age, wants_mfa, scopes, asked["state"] or "", self.now, answer)
        self.tabs.append(tab)
        self._look(tab, answer)

    @precondition(lambda self: self._open())
    @rule(data=st.data(), who=st.sampled_from(sorted(USERS)))
    def go_on(self, data: st.DataObject, who: str) -> None:
        tab = data.draw(st.sampled_from(self._open()))
        fields, browser, now = hidden_fields(tab.page), self.browsers[tab.browser], self.now
        kind, alive = action_of(tab.page), now < tab.began + timedelta(minutes=15)
        if kind == "/login":
            answer = browser.submit(tab.page, username=who, password=USERS[who][1], action="sign-in")
            if alive:
                self._password(tab, normalise_username(who))
        elif kind == "/mfa":
            self.provider.clock.advance(seconds=31)  # a code is good once
            alive = self.now < tab.began + timedelta(minutes=15)
            whose = tab.pending[0] if tab.pending else getattr(self.oracle.session(tab.browser, self.now), "user", None)
            answer = browser.enter_otp(tab.page)
            if alive and whose == "bob":
                self._second_factor(tab)
        else:
            yes = {"/continue": "continue", "/consent": "allow"}[kind]
            answer = browser.press(tab.page, yes)
            if alive:
                self._yes(tab, kind, fields)
        self._look(tab, answer)

    @precondition(lambda self: self._open())
    @rule(data=st.data(), path=st.sampled_from(["/authorize", "/login", "/mfa", "/continue", "/consent"]))
    def jump(self, data: st.DataObject, path: str) -> None:
        """Open another step of the same request by hand."""
        tab = data.draw(st.sampled_from(self._open()))
        browser = self.browsers[tab.browser]
        self._look(tab, browser.follow(browser.get(f"{path}?request={hidden_fields(tab.page)['request']}")))

    @precondition(lambda self: self._open())
    @rule(data=st.data(), path=st.sampled_from(["/mfa", "/continue", "/consent"]))
    def skip(self, data: st.DataObject, path: str) -> None:
        """Send another step's form with what this page holds: a yes that no page asked for."""
        tab = data.draw(st.sampled_from(self._open()))
        if path == action_of(tab.page):
            return
        browser = self.browsers[tab.browser]
        form = {"session": "", "otp": "000000", **hidden_fields(tab.page), "scope": " ".join(sorted(tab.scopes))}
        action = {"/continue": "continue", "/consent": "allow", "/mfa": "verify"}[path]
        answer = browser.follow(browser.http.post(path, data={**form, "action": action}))
        if answer.status_code != 429 and "The code is wrong" not in answer.text:
            self._look(tab, answer)

    @precondition(lambda self: self._open())
    @rule(data=st.data())
    def take_to_the_other_browser(self, data: st.DataObject) -> None:
        """A handle and its form are worth nothing elsewhere."""
        tab = data.draw(st.sampled_from(self._open()))
        other, fields = self.browsers[1 - tab.browser], hidden_fields(tab.page)
        for answer in (
            other.follow(other.get(f"/authorize?request={fields['request']}")),
            other.follow(other.http.post(action_of(tab.page), data={**fields, "action": "allow"})),
        ):
            assert answer.status_code == 400 and 'id="error"' in answer.text

    @precondition(lambda self: any(tab.over and tab.pages for tab in self.tabs))
    @rule(data=st.data())
    def press_back(self, data: st.DataObject) -> None:
        """The form of a request that was answered, sent again."""
        tab = data.draw(st.sampled_from([tab for tab in self.tabs if tab.over and tab.pages]))
        answer = self.browsers[tab.browser].submit(tab.page, action="allow", username="alice", password=ALICE[1])
        location, at = tab.answered or ("", self.now)
        repeated = answer.headers.get("location") == location and self.now - at < timedelta(minutes=1)
        assert repeated or 'id="error"' in answer.text or "signed-in" in answer.text

    @rule(passed=st.sampled_from([1, 61, 3600, 11 * 3600]))
    def wait(self, passed: int) -> None:
        self.provider.clock.advance(seconds=passed)

    def _open(self) -> list[Tab]:
        return [tab for tab in self.tabs if not tab.over]

    def _password(self, tab: Tab, user: str) -> None:
        now, before = self.now, self.oracle.session(tab.browser, self.now)
        same = before if before is not None and before.user == user else None
        if user == "bob" and not (same and same.has_mfa(now)):
            tab.pending = (user, now)
            return
        mfa_at = same.mfa_at if same else None
        self._authenticated(tab, same, Known(user, now, now, mfa_at, now + IDLE))

    def _second_factor(self, tab: Tab) -> None:
        now, before = self.now, self.oracle.session(tab.browser, self.now)
        same = before if before is not None and before.user == "bob" else None
        if tab.pending:
            password_at = tab.pending[1]
        else:
            assert same is not None and now - same.password_at <= STEP_UP, "a second factor with no first to rest on"
            password_at = same.password_at
        self._authenticated(tab, same, Known("bob", now, password_at, now, now + IDLE), by_password=bool(tab.pending))
        tab.pending = None

    def _authenticated(self, tab: Tab, same: Known | None, after: Known, *, by_password: bool = True) -> None:
        """The same user's session is renewed, any other's ends."""
        if same is not None:
            same.__dict__.update(after.__dict__)
            after = same
        self.oracle.sessions[tab.browser] = tab.authenticated = after
        if by_password:
            tab.password_in = after

    def _yes(self, tab: Tab, kind: str, fields: dict[str, str]) -> None:
        session = self.oracle.session(tab.browser, self.now)
        if session is None or session.user not in tab.page.text:
            return  # the page named somebody else: worth nothing
        if kind == "/continue":
            tab.agreed = session
        else:
            tab.allowed = session
            shown = set(fields["scope"].split())
            self.oracle.consents.setdefault((session.user, tab.client), set()).update(shown)

    def _look(self, tab: Tab, answer: httpx2.Response) -> None:
        assert answer.status_code < 500
        if answer.status_code == 303:
            tab.over, tab.answered = True, (answer.headers["location"], self.now)
            self._judge(tab, answer_of(answer))
        elif "<form" in answer.text:
            tab.page, tab.pages = answer, tab.pages + 1
            assert tab.prompt != "none", "prompt=none shows no page"
        else:
            assert answer.status_code == 400
            assert self.now >= tab.began + timedelta(minutes=15), "over before its time"
            tab.over = True

    def _judge(self, tab: Tab, answer: dict[str, str]) -> None:
        assert answer["state"] == tab.state
        session = self.oracle.session(tab.browser, self.now)
        if "code" not in answer:
            expected = {"login_required", "consent_required", "interaction_required"}
            assert tab.prompt == "none" and answer["error"] in expected
            assert (answer["error"] == "login_required") or session is not None
            return
        assert session is not None, "a code for nobody"
        self._judge_code(tab, session)
        session.idle_until = self.now + IDLE
        registered = CLIENTS[tab.client]
        tokens = self.provider.redeem(answer["code"], client_id=tab.client, **registered).json()
        claims = claims_of(tokens["id_token"])
        names = {"alice": "a11", "bob": "b0b", "carol": "ca0"}
        assert claims["sub"].endswith(names[session.user]), "a code for the wrong user"
        assert claims["aud"] == tab.client
        assert claims["auth_time"] == int(session.auth_time.timestamp())
        assert claims["acr"].endswith(session.acr(self.now))
        assert set(tokens["scope"].split()) == tab.scopes

    def _judge_code(self, tab: Tab, session: Known) -> None:
        """Every step that this request demanded was done, in it, by the user who is signed in."""
        now, here = self.now, tab.authenticated is session
        prompts = tab.prompt.split()
        if session.user == "bob":
            assert session.has_mfa(now), "a second factor skipped"
            assert session.mfa_at is not None
            assert session.acr(now) == "mfa" or not tab.wants_mfa, "a password taken for a second factor"
            if tab.wants_mfa and tab.max_age is not None and session.mfa_at < tab.began:
                assert tab.max_age > 0 and now - session.mfa_at <= timedelta(seconds=tab.max_age), "an old step-up"
        if "login" in prompts or tab.max_age == 0:
            assert tab.password_in is session, "prompt=login without a password"
        if tab.max_age and not here:
            assert now - session.auth_time <= timedelta(seconds=tab.max_age), "an old sign-in"
        confirmed = here or session is tab.agreed or session is tab.allowed
        if "select_account" in prompts:
            assert here or tab.agreed is session, "the chooser skipped"
        if tab.client == "mobile-app":
            assert confirmed, "a silent answer where any app can listen"
        if "consent" in prompts:
            assert tab.allowed is session, "prompt=consent without a yes"
        if tab.client == "partner-web":
            given = self.oracle.consents.get((session.user, tab.client), set())
            assert tab.scopes <= given, "scopes that nobody allowed"
