/** Clock ticks of a second in /proc: USER_HZ, 100 on every Linux that Node runs on. */
const ticksASecond = 100;

/** Processor time in milliseconds from /proc/PID/stat: its threads, and its children that have ended. */
export function cpuMsOf(stat: string): number {
  // What stands in brackets may hold spaces and brackets; fields 14 to 17 of proc(5) follow it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15).map(Number);
  return ((user + system + childUser + childSystem) * 1_000) / ticksASecond;
}

/** Resident kilobytes from /proc/PID/status; 0 of a process that has none any more. */
export function residentKbOf(status: string): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
}

/** The ports that /proc/net/tcp shows in the state LISTEN. */
export function listeningPorts(table: string): ReadonlySet<number> {
  const rows = table.matchAll(/^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F:]+ 0A /gm);
  return new Set(Array.from(rows, ([, port = ""]) => Number.parseInt(port, 16)));
}

/** The ports that /proc/net/udp shows, of sockets that anybody may send to. */
export function boundPorts(table: string): ReadonlySet<number> {
  const rows = table.matchAll(/^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F:]+ 07 /gm);
  return new Set(Array.from(rows, ([, port = ""]) => Number.parseInt(port, 16)));
}

/** The soft limit of open files from /proc/PID/limits. */
export function openFilesMaxOf(limits: string): number {
  return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? 0);
}
