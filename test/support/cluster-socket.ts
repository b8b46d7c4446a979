import { connect } from "node:net";
import { text } from "node:stream/consumers";

/** Names the Unix socket where the run's Postgres is asked for. */
export const clusterSocketVariable = "MIDSTREAM_TEST_CLUSTER";

export type ClusterAnswer =
  | { readonly ok: true; readonly adminUrl: string; readonly template: string }
  | { readonly ok: false; readonly why: string };

/** Asks for the run's Postgres, which is started by the first who asks. */
export async function askForCluster(
  path: string,
): Promise<{ readonly adminUrl: string; readonly template: string }> {
  const answer = JSON.parse(await text(connect(path))) as ClusterAnswer;
  if (!answer.ok) throw new Error(`the run's Postgres did not start: ${answer.why}`);
  return answer;
}
