// A certified OpenID provider with one client and any test person, as its own documentation sets one up.
// What is in its place by configuration is told on standard input, as JSON; "ready" is said when it listens.

import { readFileSync } from 'node:fs';
import { generateKeyPairSync } from 'node:crypto';

import { Provider } from 'oidc-provider';

const told = JSON.parse(readFileSync(0, 'utf8'));
const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });

const provider = new Provider(told.issuer, {
  clients: [told.client],
  jwks: { keys: [{ ...key, kid: 'certified', use: 'sig', alg: 'RS256' }] },
  cookies: { keys: ['for tests alone'] },
  acrValues: told.levels,
  claims: { openid: ['sub'], person: [told.numberClaim], acr: null, auth_time: null, iss: null, sid: null },
  conformIdTokenClaims: told.conform,
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    claimsParameter: { enabled: told.conform },
    pushedAuthorizationRequests: {
      enabled: told.pushed !== 'never',
      requirePushedAuthorizationRequests: told.pushed === 'always',
    },
  },
  // It calls no address of this machine by itself, and ours is one.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id, [told.numberClaim]: told.people[id] }) }),
  // Who has logged in agrees to what the client asks for: the provider is the authority's own.
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId,
      accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope(told.client.scope);
    grant.addOIDCClaims([told.numberClaim]);
    await grant.save();
    return grant;
  },
});

// The login page: the number of the form's field is the person.
provider.use(async (ctx, next) => {
  const page = /^\/interaction\/[^/]+$/.test(ctx.path);
  if (page && ctx.method === 'POST') {
    let body = '';
    for await (const piece of ctx.req) body += piece;
    const accountId = new URLSearchParams(body).get('login');
    const login = { accountId, acr: told.levels[0], amr: ['hwk'] };
    await provider.interactionFinished(ctx.req, ctx.res, { login }, { mergeWithLastSubmission: false });
    ctx.respond = false;
  } else if (page) {
    ctx.body = '<form method="post"><input name="login"></form>';
  } else {
    await next();
  }
});

provider.on('server_error', (ctx, error) => console.error(error));
provider.on('backchannel.error', (ctx, error) => console.error(error));
provider.listen(told.port, '127.0.0.1', () => console.log('ready'));
