// node-oidc-provider with everything in memory, doing what auth does: JWT access tokens, rotation, RS256.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider, interactionPolicy } from 'oidc-provider';

const [port, secret, families] = process.argv.slice(2);
const issuer = `http://localhost:${port}`;
const api = 'http://localhost:9001';
const jwk = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
const policy = interactionPolicy.base();
policy.remove('consent'); // a first-party client: nobody is asked
const provider = new Provider(issuer, {
  jwks: { keys: [{ ...jwk, alg: 'RS256', use: 'sig', kid: 'bench' }] },
  clients: [
    {
      client_id: 'job', client_secret: secret, grant_types: ['client_credentials'], response_types: [], redirect_uris: [],
      scope: 'crm:read',
    },
    {
      client_id: 'bench-app', token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'], redirect_uris: ['https://app.company.localhost/callback'],
    },
  ],
  scopes: ['openid', 'offline_access', 'crm:read'],
  rotateRefreshToken: true,
  issueRefreshToken: (context, client) => client.grantTypeAllowed('refresh_token'),
  pkce: { required: () => true },
  interactions: { policy, url: (context, interaction) => `/interaction/${interaction.uid}` },
  loadExistingGrant: async (context) => {
    const { session, client } = context.oidc;
    const held = session.grantIdFor(client.clientId);
    return held ? provider.Grant.find(held) : grantOf(session.accountId);
  },
  findAccount: (context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => api,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'crm:read', audience: api, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
});

async function grantOf(accountId) {
  const grant = new provider.Grant({ accountId, clientId: 'bench-app' });
  grant.addOIDCScope('openid offline_access');
  grant.addResourceScope(api, 'crm:read');
  await grant.save();
  return grant;
}

const tokens = [];
for (let number = 0; number < Number(families); number += 1) {
  const client = await provider.Client.find('bench-app');
  const grant = await grantOf('alice');
  const token = new provider.RefreshToken({
    accountId: 'alice', client, grantId: grant.jti, gty: 'authorization_code', claims: {},
    scope: 'openid offline_access crm:read', resource: api, authTime: Math.floor(Date.now() / 1000), rotations: 0,
    iiat: Math.floor(Date.now() / 1000), expiresWithSession: false,
  });
  tokens.push(await token.save());
}
const answer = provider.callback();
createServer((request, response) => {
  // whoever comes to sign in is alice: what is measured begins with the session
  if (!request.url.startsWith('/interaction/')) return answer(request, response);
  return provider.interactionFinished(request, response, { login: { accountId: 'alice' } });
}).listen(Number(port), '127.0.0.1', () => console.log(JSON.stringify(tokens)));
