/** Turns a request of an issuer block into the call to make: the one place where secrets enter a request. */
import type { HttpCall } from '../plug-ins/http-client.ts';
import { IssuerRejected } from '../rotation/errors.ts';
import type { HttpBlock, HttpRequest } from './http-block.ts';
import { expand, expandJson, lacksValue, type Variables } from './templates.ts';

/**
 * The call with all variables inserted: URL-encoded in path and query, escaped in the JSON body.
 * @throws IssuerRejected when a value cannot stand where the template puts it; the value is not in the text.
 */
export function buildCall(block: HttpBlock, request: HttpRequest, variables: Variables): HttpCall {
  const where = callForPeople(block, request);
  return {
    where,
    method: request.method,
    url: buildUrl(block, request, variables, where),
    headers: buildHeaders(request, variables, where),
    body: request.body === undefined ? undefined : JSON.stringify(expandJson(request.body, variables)),
  };
}

/** Method, host and the path as keyturn.yaml has it. */
function callForPeople({ baseUrl }: HttpBlock, { method, path }: HttpRequest): string {
  const { host, pathname } = new URL(baseUrl);
  return `${method} ${host}${pathname.replace(/\/$/, '')}${path}`;
}

function buildUrl({ baseUrl }: HttpBlock, request: HttpRequest, variables: Variables, where: string): URL {
  const { path, query = {} } = request;
  const segments = path.split('/').map((segment) => {
    const expanded = expand(segment, variables, (value) => encodeURIComponent(value.toWellFormed()));
    // "", "." and ".." would make it another path: that of all keys, say, instead of one.
    if (segment.includes('${') && /^(\.|%2e){0,2}$/i.test(expanded)) {
      throw new IssuerRejected(`${where} cannot be built: a variable in its path is empty or made of dots`);
    }
    return expanded;
  });
  const url = new URL(baseUrl.replace(/\/$/, '') + segments.join('/'));
  for (const [name, value] of Object.entries(query)) {
    if (!lacksValue(value, variables)) url.searchParams.set(name, expand(value, variables));
  }
  return url;
}

function buildHeaders(
  { headers = {}, body }: HttpRequest,
  variables: Variables,
  where: string,
): Readonly<Record<string, string>> {
  const own = Object.entries(headers).map(([name, template]) => {
    const value = expand(template, variables);
    // fetch would refuse it as well, but with the value in its message.
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
      throw new IssuerRejected(
        `${where} cannot be built: header "${name}" would hold a line break or the like`,
      );
    }
    return [name.toLowerCase(), value] as const;
  });
  return {
    accept: 'application/json',
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...Object.fromEntries(own),
  };
}
