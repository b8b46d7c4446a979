import ipaddr from "ipaddr.js";

/** No address: clients of a Unix socket have none. */
const noAddress: Uint8Array = new Uint8Array(0);

/**
 * The bytes of an address in network order: 4 of an IPv4 address, also when it is written as mapped
 * into IPv6, 16 of an IPv6 address, whose zone is left out, and none of anything else.
 */
export function addressBytes(text: string): Uint8Array {
  return text.includes(":") ? bytesOfIpv6(text) : bytesOfIpv4(text);
}

/** Written out, since every connection passes here; the four numbers are checked all the same. */
function bytesOfIpv4(text: string): Uint8Array {
  const bytes = new Uint8Array(4);
  let place = 0;
  let digits = 0;
  let value = 0;
  for (let index = 0; index <= text.length; index += 1) {
    const code = index < text.length ? text.charCodeAt(index) : dot;
    if (code !== dot) {
      value = value * 10 + (code - zero);
      digits += 1;
      if (code < zero || code > nine || value > 255) return noAddress;
    } else {
      if (digits === 0 || place === 4) return noAddress;
      bytes[place] = value;
      place += 1;
      digits = 0;
      value = 0;
    }
  }
  return place === 4 ? bytes : noAddress;
}

const dot = 0x2e;
const zero = 0x30;
const nine = 0x39;

/**
 * The address as text: of 4 bytes as IPv4; of 16 as IPv6 in its shortest form (RFC 5952), or as IPv4
 * where they are mapped; empty of any other number.
 */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.length !== 16) return "";
  return ipaddr.process(ipaddr.fromByteArray([...bytes]).toString()).toString();
}

function bytesOfIpv6(text: string): Uint8Array {
  const zone = text.indexOf("%");
  const address = zone === -1 ? text : text.slice(0, zone);
  if (!ipaddr.IPv6.isValid(address)) return noAddress;
  return Uint8Array.from(ipaddr.process(address).toByteArray());
}
