// The API of docs/bearer.md in fastify, protected by jose as its documentation shows.
import Fastify from 'fastify';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const [port, issuer, audience, jwksUri] = process.argv.slice(2);
const keys = createRemoteJWKSet(new URL(jwksUri));
const checks = { issuer, audience, algorithms: ['RS256'], typ: 'at+jwt', requiredClaims: ['exp', 'sub', 'client_id', 'jti'] };
const app = Fastify();
app.decorateRequest('claims', null);

function requireScope(scope) {
  return async (request, reply) => {
    try {
      const { payload } = await jwtVerify((request.headers.authorization ?? '').replace(/^Bearer /i, ''), keys, checks);
      request.claims = payload;
    } catch {
      return reply.code(401).header('WWW-Authenticate', 'Bearer error="invalid_token"').send({ error: 'invalid_token' });
    }
    if (!String(request.claims.scope).split(' ').includes(scope)) {
      return reply.code(403).send({ error: 'insufficient_scope' });
    }
  };
}

app.get('/notes', {
  onRequest: requireScope('notes:read'),
  schema: { response: { 200: { type: 'array', items: { type: 'string' } } } },
}, async (request) => [`a note of ${request.claims.sub}`]);
await app.listen({ port: Number(port), host: '127.0.0.1' });
