import { createSecureContext, getCACertificates, type SecureContext } from "node:tls";

/**
 * Whom to trust where nobody says otherwise: the authorities that Node.js comes with, and those of
 * the system. Made at the first call and shared: it takes a tenth of a second and 2 MB.
 */
export function usualAuthorities(): () => SecureContext {
  let context: SecureContext | undefined;
  return () => {
    context ??= createSecureContext({
      ca: [...getCACertificates("bundled"), ...getCACertificates("system")],
    });
    return context;
  };
}

/** The same as one bundle, for those who make contexts of their own. */
export function usualAuthoritiesPem(): () => string {
  let bundle: string | undefined;
  return () => {
    bundle ??= [...getCACertificates("bundled"), ...getCACertificates("system")].join("\n");
    return bundle;
  };
}
