"use strict";
// Starts Swagger UI with what the page's own element says, and signs in by authorization code and PKCE.
const { description, client, scopes, ...told } = document.getElementById("swagger-ui").dataset;

const ui = SwaggerUIBundle({
  url: description,
  dom_id: "#swagger-ui",
  deepLinking: true,
  oauth2RedirectUrl: told.return,
  validatorUrl: null,
  // The provider's CORS allows the headers of OAuth alone, and this one says nothing.
  requestInterceptor: (request) => {
    delete request.headers["X-Requested-With"];
    return request;
  },
});

ui.initOAuth({ clientId: client, scopes, usePkceWithAuthorizationCodeGrant: true });
