/** What every kind of the full definitions shares. Every duration in one is this. */
export const anyDuration = "1m30s";

/** A certificate with its key as texts; the key is a secret. */
export const pem = { pem: { certificate: "-----BEGIN CERTIFICATE-----", key: "plain key" } };

/** The same as files; the pass-phrase is a secret. */
export const filesPair = {
  certPath: "/etc/web.pem",
  keyPath: "/etc/web.key",
  passphrase: "plain password",
};
