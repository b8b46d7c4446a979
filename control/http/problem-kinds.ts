interface ProblemKind {
  readonly status: number;
  /** The same for every request of this kind. */
  readonly title: string;
}

/**
 * Every error that the HTTP layer answers by itself, by its stable code. What verbs refuse and what
 * they throw is mapped onto these: a client needs one list.
 */
export const problemKinds = {
  "http/bad-request": { status: 400, title: "The request cannot be read" },
  "http/bad-query": { status: 400, title: "A query parameter is wrong" },
  "http/bad-header": { status: 400, title: "A header is wrong" },
  "http/bad-cursor": { status: 400, title: "The cursor was not made by this list" },
  "http/body-not-json": { status: 400, title: "The body is not JSON in UTF-8" },
  "http/unauthenticated": { status: 401, title: "An API key is needed" },
  "http/sign-in-refused": { status: 401, title: "The address or the password is wrong" },
  "http/join-token-unknown": { status: 401, title: "The join token is not known" },
  "http/join-token-expired": { status: 401, title: "The join token is past its time" },
  "http/join-token-revoked": { status: 401, title: "The join token was revoked" },
  "http/join-token-used": { status: 401, title: "The join token has no use left" },
  "http/join-proof-wrong": { status: 401, title: "The node does not hold the key it names" },
  "http/node-unauthenticated": { status: 401, title: "A node signs its requests" },
  "http/node-clock-skew": { status: 401, title: "The node's clock is wrong" },
  "http/node-unauthorized": { status: 401, title: "The node is not known like this" },
  "http/node-retired": { status: 403, title: "The node was retired" },
  "http/node-replaced": { status: 409, title: "A newer link of this node exists" },
  "http/missing-scope": { status: 403, title: "The API key may not do this" },
  "http/unknown-route": { status: 404, title: "There is nothing at this path" },
  "http/not-found": { status: 404, title: "There is no such thing" },
  "http/method-not-allowed": { status: 405, title: "This path does not know the method" },
  "http/request-timeout": { status: 408, title: "The request did not arrive in time" },
  "http/conflict": { status: 409, title: "The request conflicts with what there is" },
  "http/name-taken": { status: 409, title: "The name is taken" },
  "http/in-use": { status: 409, title: "Something else uses it" },
  "http/email-taken": { status: 409, title: "There is a user with this address already" },
  "http/limit-reached": { status: 409, title: "There are as many as there may be" },
  "http/node-limit-reached": { status: 409, title: "The tenant has as many nodes as it may have" },
  "http/confirmation-required": {
    status: 409,
    title: "So much would go that it wants a confirmation",
  },
  "http/stale": { status: 412, title: "It was changed since the ETag was read" },
  "http/body-too-large": { status: 413, title: "The body is too large" },
  "http/unsupported-media-type": { status: 415, title: "The body has to be application/json" },
  "http/invalid": { status: 422, title: "The input is not valid" },
  "http/idempotency-mismatch": {
    status: 422,
    title: "The Idempotency-Key was used for another request",
  },
  "http/if-match-required": { status: 428, title: "If-Match with the current ETag is needed" },
  "http/too-many-requests": { status: 429, title: "Too many requests" },
  "http/headers-too-large": { status: 431, title: "The request's headers are too large" },
  "http/internal": { status: 500, title: "Something unexpected happened" },
  "http/busy": { status: 503, title: "Too many requests are at work" },
  "http/no-answer-in-time": { status: 503, title: "The answer took too long" },
  "http/unavailable": { status: 503, title: "The control plane cannot do this right now" },
  "http/outcome-unknown": { status: 503, title: "It is unknown whether the change was made" },
} as const satisfies Record<string, ProblemKind>;

export type ProblemCode = keyof typeof problemKinds;
