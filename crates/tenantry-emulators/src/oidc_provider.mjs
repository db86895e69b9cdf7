// An identity provider for tests: the certified one of npm, with a client for each kind of caller. Its access tokens are JSON Web
// Tokens for the audience `tenantry`, with the claims that the client's name asks for: `acme.tenant-admin`, `operator`, …

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [folder, port] = process.argv.slice(2);
const found = createRequire(pathToFileURL(`${folder}/`)).resolve('oidc-provider');
const { default: Provider } = await import(pathToFileURL(found));

const issuer = `http://127.0.0.1:${port}`;
const names = ['acme.tenant-admin', 'acme.tenant-viewer', 'beta.tenant-admin', 'operator', 'acme.operator', 'acme', 'short'];
const client = (name) => ({
  client_id: name, client_secret: 'secret-of-a-test', grant_types: ['client_credentials'], redirect_uris: [], response_types: [],
});

const provider = new Provider(issuer, {
  clients: names.map(client),
  extraTokenClaims: (_, token) => {
    const [tenant, role] = token.clientId.includes('.') ? token.clientId.split('.') : [undefined, token.clientId];
    return { tenantry_tenant: tenant, tenantry_role: role };
  },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'urn:tenantry',
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'api', audience: 'tenantry', accessTokenFormat: 'jwt', accessTokenTTL: 600, jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
});
provider.on('server_error', (_, error) => console.error(error));
provider.listen(Number(port), '127.0.0.1', () => console.log(`running at ${issuer}`));
