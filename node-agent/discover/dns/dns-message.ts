import { randomInt } from "node:crypto";

import { decode, encode, RECURSION_DESIRED, type Answer, type DecodedPacket } from "dns-packet";

import { dnsUdpBytesMax } from "#shared/base/limits.ts";

export type DnsType = "SRV" | "A" | "AAAA";

export interface DnsQuestion {
  /** Without its final dot, or with it. */
  readonly name: string;
  readonly type: DnsType;
}

/** A question as bytes, and how its answer is known. */
export interface EncodedQuestion {
  readonly question: DnsQuestion;
  readonly id: number;
  readonly bytes: Buffer;
}

export interface DnsReply {
  /** RFC 1035, section 4.1.1, as text: `NOERROR`, `SERVFAIL`, `NXDOMAIN` … */
  readonly code: string;
  readonly isTruncated: boolean;
  readonly answers: readonly Answer[];
  readonly additionals: readonly Answer[];
}

/** A question with an unguessable id, and EDNS(0) for answers of up to `dnsUdpBytesMax`. */
export function encodeQuestion(question: DnsQuestion): EncodedQuestion {
  const id = randomInt(0x1_0000);
  const name = question.name.replace(/\.$/, "");
  const bytes = encode({
    type: "query",
    id,
    flags: RECURSION_DESIRED,
    questions: [{ type: question.type, name, class: "IN" }],
    additionals: [
      {
        type: "OPT",
        name: ".",
        udpPayloadSize: dnsUdpBytesMax,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0,
        flag_do: false,
        options: [],
      },
    ],
  });
  return { question: { ...question, name }, id, bytes };
}

/** The answer to that very question; `other` for one to another question, `broken` for no answer. */
export function decodeReply(asked: EncodedQuestion, bytes: Buffer): DnsReply | "other" | "broken" {
  if (bytes.length < 12 || bytes.readUInt16BE(0) !== asked.id) return "other";
  const packet = decodedPacket(bytes);
  if (packet === undefined) return "broken";
  return isAnswerTo(asked, packet) ? replyOf(packet) : "other";
}

/** Names are the same in any letter case (RFC 4343), with and without their final dot. */
export function canonicalName(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}

function decodedPacket(bytes: Buffer): DecodedPacket | undefined {
  try {
    return decode(bytes);
  } catch {
    // The library throws for whatever does not make a packet.
    return undefined;
  }
}

/** Some servers leave the question out when they refuse it. */
function isAnswerTo({ question }: EncodedQuestion, packet: DecodedPacket): boolean {
  const [given] = packet.questions ?? [];
  if (packet.type !== "response") return false;
  if (given === undefined) return (packet.answers ?? []).length === 0;
  return given.type === question.type && canonicalName(given.name) === canonicalName(question.name);
}

function replyOf(packet: DecodedPacket): DnsReply {
  return {
    code: codeNames[(packet.flags ?? 0) & 0xf] ?? "OTHER",
    isTruncated: packet.flag_tc,
    answers: packet.answers ?? [],
    additionals: packet.additionals ?? [],
  };
}

const codeNames = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];
