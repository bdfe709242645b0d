// The API of docs/bearer.md in express, protected by express-oauth2-jwt-bearer as its README shows, in its strict form.
import express from 'express';
import { auth, requiredScopes } from 'express-oauth2-jwt-bearer';

const [port, issuer, audience, jwksUri] = process.argv.slice(2);
const app = express();
app.use(auth({ issuer, audience, jwksUri, tokenSigningAlg: 'RS256', strict: true }));
app.get('/notes', requiredScopes('notes:read'), (request, response) => {
  response.json([`a note of ${request.auth.payload.sub}`]);
});
app.listen(Number(port), '127.0.0.1');
