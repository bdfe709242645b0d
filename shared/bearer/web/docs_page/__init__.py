"""/docs: the API's description as a page (Swagger UI) that signs in by authorization code and PKCE.

Spec: OpenAPI 3.1 (Security Scheme Object), RFC 7636 s4, RFC 9207 s2.4
Policy: ADR-0027. Every file comes from this API; no script stands in a page, and the policy allows none that does.
Out: pages and files; what they show is /openapi.json, which is public.
"""

import html
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.responses import FileResponse, HTMLResponse

from shared.bearer.protected_api import ProtectedApi
from shared.bearer.web.requirements import ACCESS_TOKEN, ScopeRequirement

PATH = "/docs"
#: The return address: it is in the registration of the public client that the pages sign in as.
RETURN_PATH = f"{PATH}/oauth2-redirect"
CLIENT_ID = "swagger"
#: The scheme's name in the OpenAPI document.
SIGN_IN = "sign_in"

_OURS = Path(__file__).parent
_FILES = {"start.js": _OURS, "return.js": _OURS}
_SWAGGER = ("swagger-ui.css", "swagger-ui-bundle.js")
_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{path}/swagger-ui.css">
</head>
<body>
<main id="swagger-ui" data-description="{description}" data-return="{return_address}" data-client="{client_id}"
 data-scopes="{scopes}"></main>
<script src="{path}/swagger-ui-bundle.js"></script>
<script src="{path}/start.js"></script>
</body>
</html>
"""
_RETURN_PAGE = """<!doctype html>
<html lang="en" data-issuer="{issuer}">
<head>
<meta charset="utf-8">
<title>Signed in</title>
<link rel="icon" href="data:,">
<script src="{path}/return.js" defer></script>
</head>
<body><p>You may close this window.</p></body>
</html>
"""


def describe_sign_in(document: dict[str, Any], api: ProtectedApi) -> None:
    """Add to an OpenAPI document how a person gets an access token for its operations. May be done again."""
    schemes = document.setdefault("components", {}).setdefault("securitySchemes", {})
    flow = {
        "authorizationUrl": f"{api.issuer}/authorize",
        "tokenUrl": f"{api.issuer}/token",
        "scopes": dict.fromkeys(api.user_scopes, ""),
    }
    token = ScopeRequirement.model.model_dump(mode="json", by_alias=True, exclude_none=True)
    sign_in = {
        "type": "oauth2",
        "description": "Signs you in at the suite's provider (authorization code, PKCE).",
        "flows": {"authorizationCode": flow},
    }
    for name, scheme in ((SIGN_IN, sign_in), (ACCESS_TOKEN, token)):  # pages show them in this order
        schemes.pop(name, None)
        schemes[name] = scheme
    for path in document.get("paths", {}).values():
        for operation in path.values():
            demands = operation.get("security", []) if isinstance(operation, dict) else []
            if demands and not any(SIGN_IN in demand for demand in demands):
                demands.append({SIGN_IN: []})
            demands.sort(key=lambda demand: SIGN_IN not in demand)


def install_docs(app: FastAPI, api: ProtectedApi) -> None:
    """Serve the pages in `app`. They need the package fastapi-offline, for the files of Swagger UI that it holds."""
    found = find_spec("fastapi_offline")
    if found is None or found.origin is None:
        raise RuntimeError("/docs needs the package fastapi-offline: install it, or switch the pages off")
    files = _FILES | dict.fromkeys(_SWAGGER, Path(found.origin).parent / "static")
    router = APIRouter(include_in_schema=False)
    page = _PAGE.format(
        title=html.escape(app.title),
        path=PATH,
        description=html.escape(app.openapi_url or ""),
        return_address=html.escape(api.identifier + RETURN_PATH),
        client_id=CLIENT_ID,
        scopes=html.escape(" ".join(api.user_scopes)),
    )
    return_page = _RETURN_PAGE.format(issuer=html.escape(api.issuer), path=PATH)

    @router.get(PATH)
    async def docs() -> HTMLResponse:
        # Swagger UI styles its elements by attributes; it calls the API here and /token at the issuer
        return _page(page, f"style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self' {api.issuer}")

    @router.get(RETURN_PATH)
    async def returned() -> HTMLResponse:
        return _page(return_page, "img-src data:")

    # one route a file: nothing but these is ever looked for on the disk
    for name, folder in files.items():
        router.add_api_route(f"{PATH}/{name}", _Served(folder / name), methods=["GET"], name=name)
    app.include_router(router)


class _Served:
    """An endpoint that answers with one file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def __call__(self) -> FileResponse:
        return FileResponse(self._file, headers={"Cache-Control": "public, max-age=3600", **_HEADERS})


def _page(text: str, allowed: str) -> HTMLResponse:
    policy = f"default-src 'none'; script-src 'self'; {allowed}; base-uri 'none'; form-action 'none'; "
    policy += "frame-ancestors 'none'"
    return HTMLResponse(text, headers={"Content-Security-Policy": policy, "Cache-Control": "no-store", **_HEADERS})
