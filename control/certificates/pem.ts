/** One `-----BEGIN …-----` to its `-----END …-----` (RFC 7468). */
export interface PemBlock {
  /** Such as `CERTIFICATE`. */
  readonly label: string;
  /** Headers as OpenSSL wrote them before PKCS #8: `Proc-Type: 4,ENCRYPTED` and such. */
  readonly hasHeaders: boolean;
  /** The bytes; of a block with headers, what stands below them. */
  readonly der: Buffer;
  /** The block, written anew. */
  readonly text: string;
}

const marks = /-----BEGIN (?<label>[A-Z0-9 ]{1,40})-----(?<body>[\s\S]*?)-----END \k<label>-----/g;

/**
 * The blocks of a text; what stands between them is no part of it (RFC 7468 section 5.2). Undefined
 * when there is a beginning or an end too many, or when a body is no base64.
 */
export function pemBlocks(text: string): readonly PemBlock[] | undefined {
  const found = [...text.matchAll(marks)];
  const begun = text.split("-----BEGIN ").length - 1;
  const ended = text.split("-----END ").length - 1;
  if (begun !== found.length || ended !== found.length) return undefined;
  const blocks = found.flatMap(({ groups }) => {
    const block = blockOf(groups?.["label"] ?? "", groups?.["body"] ?? "");
    return block === undefined ? [] : [block];
  });
  return blocks.length === found.length ? blocks : undefined;
}

function blockOf(label: string, body: string): PemBlock | undefined {
  const [first = "", ...rest] = body.trim().split(/\r?\n\r?\n/);
  const hasHeaders = first.includes(":");
  const base64 = (hasHeaders ? rest.join("") : body).replaceAll(/\s/g, "");
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(base64) || base64.length % 4 !== 0) return undefined;
  const headers = hasHeaders ? `${first.replaceAll(/[ \t]*\r?\n[ \t]*/g, "\n")}\n\n` : "";
  return {
    label,
    hasHeaders,
    der: Buffer.from(base64, "base64"),
    text: written(label, headers, base64),
  };
}

function written(label: string, headers: string, base64: string): string {
  const lines = base64.replaceAll(/.{1,64}/g, "$&\n");
  return `-----BEGIN ${label}-----\n${headers}${lines}-----END ${label}-----\n`;
}
