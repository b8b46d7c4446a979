import { clientHelloBytes, type HelloGiven } from "./client-hello-bytes.ts";
import { ask } from "./test-client.ts";

/** Says hello, and returns what the backend greets with; empty when the connection was closed. */
export function greetedAs(port: number, given: HelloGiven = {}): Promise<string> {
  return ask(port, clientHelloBytes(given));
}
