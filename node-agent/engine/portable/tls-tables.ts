import type { BackendTlsTerms, ClientTlsTerms, TlsOutcome, TlsTermsId } from "../tls-terms.ts";
import { buildBackendTls, type BackendTls } from "./backend-tls.ts";
import { buildClientTls, type ClientTls } from "./client-tls.ts";
import type { Built } from "./tls-context.ts";

/** Terms of TLS by their numbers; whoever began with some keeps them when they are replaced. */
export class TlsTables {
  readonly #clients = new Map<TlsTermsId, ClientTls>();
  readonly #backends = new Map<TlsTermsId, BackendTls>();

  setClient(id: TlsTermsId, terms: ClientTlsTerms): TlsOutcome {
    return put(this.#clients, id, buildClientTls(terms));
  }

  setBackend(id: TlsTermsId, terms: BackendTlsTerms): TlsOutcome {
    return put(this.#backends, id, buildBackendTls(terms));
  }

  forget(id: TlsTermsId): void {
    this.#clients.delete(id);
    this.#backends.delete(id);
  }

  client(id: TlsTermsId): ClientTls | undefined {
    return this.#clients.get(id);
  }

  backend(id: TlsTermsId): BackendTls | undefined {
    return this.#backends.get(id);
  }
}

function put<T>(table: Map<TlsTermsId, T>, id: TlsTermsId, built: Built<T>): TlsOutcome {
  if (!built.ok) return built;
  table.set(id, built.value);
  return { ok: true };
}
