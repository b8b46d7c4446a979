import { z } from "zod";

import { failedFetch, type Fetched } from "../discovery.ts";
import { Gathering } from "../gathering.ts";
import { wholeNumber } from "../read-backend.ts";
import type { LxdDiscovery } from "./lxd-api.ts";

const configSchema = z.record(z.string(), z.string()).nullish();

/** What is read of an instance with its state; everything else may look as it likes. */
const instancesSchema = z.object({
  metadata: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      config: configSchema,
      /** With what profiles bring. */
      expanded_config: configSchema,
      state: z
        .object({
          network: z
            .record(
              z.string(),
              z.object({
                addresses: z
                  .array(
                    z.object({
                      family: z.string(),
                      address: z.string(),
                      scope: z.string().nullish(),
                    }),
                  )
                  .nullish(),
              }),
            )
            .nullish(),
        })
        .nullish(),
    }),
  ),
});

type Instance = z.output<typeof instancesSchema>["metadata"][number];

/** Backends from the list of instances: those that run, have the label, a port and an address. */
export function instanceBackends(answer: unknown, discovery: LxdDiscovery): Fetched {
  const parsed = instancesSchema.safeParse(answer);
  if (!parsed.success) return failedFetch("bad-answer", "no list of instances was answered");
  const gathering = new Gathering();
  let isUnsettled = false;
  for (const instance of parsed.data.metadata) {
    if (instance.status !== "Running" || !isWanted(instance, discovery)) continue;
    if (!gathering.hasRoom()) break;
    const port = portOf(instance, discovery);
    const host = addressOf(instance, discovery);
    const name = `the instance ${instance.name}`;
    if (port === undefined) {
      gathering.skip(`${name} has no usable port`, { isMeant: isMeant(instance, discovery) });
    } else if (host === undefined) {
      // A container gets its address a moment after its start.
      isUnsettled = true;
      gathering.skip(`${name} has no ${discovery.containerAddressType} address`);
    } else {
      const sni = valueOf(instance, discovery.containerSniKey);
      gathering.find({ host, port, sni }, name);
    }
  }
  return { ...gathering.list(), ...(isUnsettled ? { isUnsettled } : {}) };
}

function isWanted(
  instance: Instance,
  { containerLabelKey: key, containerLabelValue: value }: LxdDiscovery,
): boolean {
  if (key === undefined) return true;
  const given = valueOf(instance, key);
  return given !== undefined && (value === undefined || given === value);
}

/** Where no label says which instances are meant, it is those that have a port. */
function isMeant(instance: Instance, discovery: LxdDiscovery): boolean {
  const { containerLabelKey, containerPortKey } = discovery;
  return containerLabelKey !== undefined || valueOf(instance, containerPortKey) !== undefined;
}

/** The instance's own port wins; one that is no number leaves the instance without a port. */
function portOf(
  instance: Instance,
  { containerPort, containerPortKey }: LxdDiscovery,
): number | undefined {
  const own = valueOf(instance, containerPortKey);
  const port = own === undefined ? containerPort : wholeNumber(own);
  return port === undefined || port < 1 || port > 65_535 ? undefined : port;
}

/** The first address of the family; one that holds on its own link alone leads nowhere from here. */
function addressOf(instance: Instance, discovery: LxdDiscovery): string | undefined {
  const { containerInterface, containerInterfaceKey, containerAddressType } = discovery;
  const name = valueOf(instance, containerInterfaceKey) ?? containerInterface;
  const family = containerAddressType === "IPv4" ? "inet" : "inet6";
  const networks = new Map(Object.entries(instance.state?.network ?? {}));
  return (networks.get(name)?.addresses ?? []).find(
    (one) => one.family === family && one.scope !== "link",
  )?.address;
}

function valueOf(
  { config, expanded_config }: Instance,
  key: string | undefined,
): string | undefined {
  if (key === undefined) return undefined;
  const value = new Map(Object.entries({ ...expanded_config, ...config })).get(key);
  return value === "" ? undefined : value;
}
