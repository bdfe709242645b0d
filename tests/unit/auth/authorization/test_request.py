"""A waiting request survives its row as it was."""

import json

from services.auth.protocol.authorization_request import AuthorizationRequest


def test_every_member_comes_back_from_json() -> None:
    request = AuthorizationRequest(
        client_id="app",
        redirect_uri="myapp://callback",
        scopes=frozenset({"openid", "crm:read"}),
        resources=("https://crm.example",),
        state="\u00e4 \U0001fad6 '\"\\",
        nonce="n",
        code_challenge="c" * 43,
        prompts=frozenset({"login", "consent"}),
        max_age=0,
        login_hint="alice",
    )
    assert AuthorizationRequest.from_record(json.loads(json.dumps(request.record()))) == request
    least = AuthorizationRequest("app", "myapp://callback", frozenset())
    assert AuthorizationRequest.from_record(json.loads(json.dumps(least.record()))) == least
