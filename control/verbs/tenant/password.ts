import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";

import { passwordHashesMax, passwordHashWaitersMax } from "#shared/base/limits.ts";

/** Hashes and checks passwords, a few at a time. */
export interface Passwords {
  /** `busy`: too many wait already. */
  hash(password: string): Promise<HashedPassword | "busy">;
  /** Takes as long for an unknown user (`stored` undefined) as for a wrong password. */
  matches(password: string, stored: string | undefined): Promise<boolean | "busy">;
}

export interface HashedPassword {
  /** `scrypt$<log2 N>$<r>$<p>$<salt>$<hash>`, so that the cost can be raised later. */
  readonly hash: string;
}

/** Parameters of scrypt (RFC 7914). */
interface ScryptCost {
  /** log2 of N. */
  readonly logN: number;
  readonly r: number;
  readonly p: number;
}

/** One of OWASP's equally strong choices (Password Storage Cheat Sheet): 32 MB each. */
const cost: ScryptCost = { logN: 15, r: 8, p: 3 };
const saltBytes = 16;
const hashBytes = 32;

/** How many passwords are worked on at once, and how many may wait. */
export interface PasswordBounds {
  readonly atOnceMax: number;
  readonly waitersMax: number;
}

const usualBounds = { atOnceMax: passwordHashesMax, waitersMax: passwordHashWaitersMax };

/** Passwords by scrypt. */
export function createPasswords(bounds: PasswordBounds = usualBounds): Passwords {
  const gate = new Gate(bounds);
  const hash = async (password: string): Promise<HashedPassword> => {
    const salt = randomBytes(saltBytes);
    return { hash: encoded(cost, salt, await derived(password, salt, cost)) };
  };
  const matches = async (password: string, stored: string | undefined): Promise<boolean> => {
    const parts = decoded(stored ?? nobodysHash);
    const found = await derived(password, parts.salt, parts.cost);
    return stored !== undefined && timingSafeEqual(found, parts.hash);
  };
  return {
    hash: (password) => gate.pass(() => hash(password)),
    matches: (password, stored) => gate.pass(() => matches(password, stored)),
  };
}

/** Compared with when there is no such user, so that the time does not tell. */
const nobodysHash = encoded(cost, Buffer.alloc(saltBytes), Buffer.alloc(hashBytes));

function derived(password: string, salt: Buffer, { logN, r, p }: ScryptCost): Promise<Buffer> {
  const N = 2 ** logN;
  const options = { N, r, p, maxmem: 256 * N * r };
  return new Promise((resolve, reject) => {
    scrypt(password.normalize("NFKC"), salt, hashBytes, options, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}

function encoded({ logN, r, p }: ScryptCost, salt: Buffer, hash: Buffer): string {
  return ["scrypt", logN, r, p, salt.toString("base64url"), hash.toString("base64url")].join("$");
}

function decoded(text: string) {
  const [, logN, r, p, salt, hash] = text.split("$");
  return {
    cost: { logN: Number(logN), r: Number(r), p: Number(p) },
    salt: Buffer.from(salt ?? "", "base64url"),
    hash: Buffer.from(hash ?? "", "base64url"),
  };
}

/** Lets so many through at once and so many more wait. */
class Gate {
  readonly #bounds: PasswordBounds;
  readonly #waiters: (() => void)[] = [];
  #running = 0;

  constructor(bounds: PasswordBounds) {
    this.#bounds = bounds;
  }

  async pass<T>(work: () => Promise<T>): Promise<T | "busy"> {
    const { atOnceMax, waitersMax } = this.#bounds;
    if (this.#running < atOnceMax) {
      this.#running += 1;
    } else {
      if (this.#waiters.length >= waitersMax) return "busy";
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
    try {
      return await work();
    } finally {
      this.#handOn();
    }
  }

  /** The place goes to who waits first; it is never free in between. */
  #handOn(): void {
    const next = this.#waiters.shift();
    if (next === undefined) this.#running -= 1;
    else next();
  }
}
