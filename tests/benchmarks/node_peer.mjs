// node-oidc-provider with everything in memory, doing what auth does: JWT access tokens, rotation, RS256.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const [port, secret, families] = process.argv.slice(2);
const issuer = `http://localhost:${port}`;
const api = 'http://localhost:9001';
const jwk = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
const provider = new Provider(issuer, {
  jwks: { keys: [{ ...jwk, alg: 'RS256', use: 'sig', kid: 'bench' }] },
  clients: [
    {
      client_id: 'job', client_secret: secret, grant_types: ['client_credentials'], response_types: [], redirect_uris: [],
      scope: 'crm:read',
    },
    {
      client_id: 'mobile-app', application_type: 'native', token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'], redirect_uris: ['com.company.myapp:/callback'],
    },
  ],
  scopes: ['openid', 'offline_access', 'crm:read'],
  rotateRefreshToken: true,
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

const tokens = [];
for (let number = 0; number < Number(families); number += 1) {
  const client = await provider.Client.find('mobile-app');
  const grant = new provider.Grant({ accountId: 'alice', clientId: 'mobile-app' });
  grant.addOIDCScope('openid offline_access');
  grant.addResourceScope(api, 'crm:read');
  const token = new provider.RefreshToken({
    accountId: 'alice', client, grantId: await grant.save(), gty: 'authorization_code', claims: {},
    scope: 'openid offline_access crm:read', resource: api, authTime: Math.floor(Date.now() / 1000), rotations: 0,
    iiat: Math.floor(Date.now() / 1000), expiresWithSession: false,
  });
  tokens.push(await token.save());
}
createServer(provider.callback()).listen(Number(port), '127.0.0.1', () => console.log(JSON.stringify(tokens)));
