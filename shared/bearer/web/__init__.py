"""The edge: what a FastAPI application needs to protect its routes.

    requirements   what a route requires of its caller, as dependencies
    route          ProtectedRoute, which asks before the body is read
    install        the verifier, the refusals and the metadata in an application
    metadata       the document that names the issuer (RFC 9728), and its address
    docs_page      the API's description as a page that signs in

Does not verify tokens: `shared.bearer.verifier` does.
"""
