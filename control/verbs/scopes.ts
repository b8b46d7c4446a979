/**
 * What an API key may be allowed to do; the list is closed.
 *
 * `read` looks at everything but keys and the audit; `write` changes balancers and groups and rolls
 * back; `nodes` makes join tokens and retires nodes; `admin` handles keys and reads the audit.
 */
export const scopes = ["read", "write", "nodes", "admin"] as const;
export type Scope = (typeof scopes)[number];

/** Whether a text names a scope. */
export function isScope(text: string): text is Scope {
  return scopes.some((scope) => scope === text);
}
