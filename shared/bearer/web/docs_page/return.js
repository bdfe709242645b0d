"use strict";
// The end of a sign-in: hands the code to the page that asked for it, and closes. That page holds the PKCE verifier.
const asked = window.opener && window.opener.swaggerUIRedirectOauth2;

if (asked) {
  const given = new URLSearchParams(location.search);
  const refuse = (message) =>
    asked.errCb({ authId: asked.auth.name, source: "auth", level: "error", message });
  if (given.get("state") !== asked.state) {
    refuse("The answer belongs to another sign-in.");
  } else if (given.get("iss") !== document.documentElement.dataset.issuer) {
    refuse("The answer comes from another provider."); // RFC 9207: the code must not be sent on
  } else if (given.has("code")) {
    delete asked.state;
    asked.auth.code = given.get("code");
    asked.callback({ auth: asked.auth, redirectUrl: asked.redirectUrl });
  } else {
    refuse(`${given.get("error") || "no answer"}: ${given.get("error_description") || ""}`);
  }
  window.close();
}
