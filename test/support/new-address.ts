import { randomBytes } from "node:crypto";

/** An address that nobody has signed up with: not a test before, nor this one's try before. */
export function newAddress(): string {
  return `t${randomBytes(6).toString("hex")}@example.com`;
}
