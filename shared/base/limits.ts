/**
 * Every limit of Midstream, once, with its reason. `docs/limits.md` explains them for operators.
 * Sizes are bytes, times milliseconds, unless the name says otherwise.
 */

// ---- definitions -------------------------------------------------------------------------------

/** A balancer's JSON body: 1,000 backends are 86 KB. */
export const balancerBodyBytesMax = 256 * 1024;
/** Tags, and values of one, that an ec2 discovery filters by: AWS allows 200 values of all filters. */
export const ec2TagsMax = 20;
/** Backends that one balancer may list. */
export const backendsPerBalancerMax = 1_000;
/** Balancers in one group: bounds a snapshot. */
export const balancersPerGroupMax = 2_000;
/** A group's snapshot, all bodies together. */
export const snapshotBytesMax = 16 * 1024 * 1024;
/** Levels of nesting in a definition: it needs 8, and recursion over it stays shallow. */
export const definitionDepthMax = 16;
/** Values in a definition, counted before anything is built from it: a value is at least 2 bytes. */
export const definitionValuesMax = balancerBodyBytesMax / 2;
/** A key's length: the longest that a definition knows has 30, and pointers repeat keys. */
export const definitionKeyCharsMax = 255;
/** Problems that one answer lists; how many more there are stands in the last one. */
export const problemsPerCheckMax = 1_000;
/** The problems of one answer in JSON: a thousand ordinary ones are 80 KB. */
export const problemsBytesMax = 128 * 1024;
/** A problem's pointer, cut between two keys: what a node may write in a frame of refusal. */
export const problemPointerCharsMax = 500;
/** A problem's text: it may quote a part of the input. */
export const problemDetailCharsMax = 1_000;
/** Binds of one balancer. */
export const bindsPerBalancerMax = 64;
/** Ports of one balancer, ranges counted out: each is a socket in every worker. */
export const portsPerBalancerMax = 1_000;
/** Names of balancers and groups: a DNS label's length, so they can become one. */
export const nameCharsMax = 63;
/** A host name (RFC 1035, without the final dot). */
export const hostCharsMax = 253;
/** A Unix socket's path: what `sockaddr_un` holds on Linux, without its final zero. */
export const unixPathBytesMax = 107;
/** Any other text field, a URL or a path among them. */
export const textCharsMax = 2_048;
/** Certificates, keys and bundles in PEM: a chain of four with 4096-bit keys is 8 KB. */
export const pemCharsMax = 16 * 1024;
/** A secret's text, in UTF-8: a key in PEM, with room in the box that it is sealed in. */
export const secretBytesMax = 16 * 1024;
/** Certificates of one chain: the leaf, some intermediates, a root at most. */
export const chainCertificatesMax = 10;
/** Names that are shown of a certificate; how many more there are is counted. */
export const certificateNamesShownMax = 100;
/** Bits of an RSA key: below the first it is breakable, above the second a handshake costs 20 ms and more. */
export const rsaKeyBitsMin = 2_048;
export const rsaKeyBitsMax = 8_192;
/** What opens an encrypted key, and the rounds that it may cost: a million take a third of a second. */
export const passphraseCharsMax = 1_024;
export const keyRoundsMax = 1_000_000;
/** A duration's text: the longest sensible one, `23h59m59s999ms999us999ns`, has 24. */
export const durationCharsMax = 64;
/** Any duration, 24 days: timers of Node.js hold 2^31 - 1 ms and fire at once beyond it. */
export const durationMsMax = 24 * 24 * 60 * 60 * 1_000;
/** Health checks and discoveries do not repeat faster than this. */
export const pollIntervalMsMin = 10;
/** Connection limits and counts: they live in 32-bit cells that workers share. */
export const countMax = 2_147_483_647;
/** A backend's weight and priority: 1,000 weights add up exactly, and DNS SRV needs 65,535. */
export const weightMax = 1_000_000;
/** Rules of one access list. */
export const accessRulesMax = 1_000;
/** Protocols that one handshake may agree on. */
export const alpnNamesMax = 16;
/** Certificates of one balancer. */
export const certificatesPerBalancerMax = 64;
/** Host names of one ACME certificate (Let's Encrypt takes 100). */
export const acmeHostsMax = 100;
/** Sources that one `multi` discovery merges. */
export const discoverySourcesMax = 16;
/** Words of a command, the program included. */
export const commandWordsMax = 64;
/** Headers of one HTTP health check. */
export const httpHeadersMax = 16;
/** Failures or successes in a row that a health check can ask for. */
export const streakMax = 1_000;
/** Bytes that a probe reads before it looks for its pattern. */
export const probeBytesMax = 64 * 1024;
/** A regular expression's text. */
export const patternCharsMax = 512;
/** A pattern's cost: characters × the counted repetitions that can multiply them; 10 ms to compile. */
export const patternCostMax = 16_000;
/** All patterns of one balancer together, so that a check never blocks the process for long. */
export const patternsCostMax = 200_000;
/** A protocol's name in TLS (RFC 7301), and as many as one backend can be for. */
export const protocolCharsMax = 255;
export const backendProtocolsMax = 16;
/** Networks that PROXY headers are taken from. */
export const proxySourcesMax = 1_000;
/** Entries of a table that remembers which client went where. */
export const stickyEntriesMax = 1_000_000;
/** What a backend may hold of the average, in percent: at 100 nobody could take one more. */
export const loadPercentMin = 101;
export const loadPercentMax = 10_000;
/** New connections of one client a second: in thousandths they fit a 32-bit cell. */
export const clientRateMax = 1_000_000;

// ---- the node's link ---------------------------------------------------------------------------

/** A frame in either direction: an API Gateway frame holds 32 KB. */
export const frameBytesMax = 28 * 1024;
/** ws `maxPayload`: a peer that ignores the frame limit is cut here without being parsed. */
export const linkPayloadBytesMax = 64 * 1024;
/** Parts that one numbered message may have. */
export const framePartsMax = 64;
/** A message in parts, put together: a report of 2,000 rows is 400 KB. */
export const messageBytesMax = 1_280_000;
/** How long an incomplete set of parts is kept. */
export const framePartsMsMax = 30_000;
/** Incomplete messages of all links of one instance together. */
export const incompleteBytesMax = 64 * 1024 * 1024;
/** First frame after the link opened. */
export const helloMsMax = 5_000;
/** A node sends a heartbeat this often, ± 20 %. */
export const heartbeatMs = 20_000;
/** A link without a frame for this long is dead, on either side. */
export const linkSilenceMsMax = 50_000;
/** A configuration message without an answer is asked after, then sent again, then given up. */
export const configAnswerMsMax = 15_000;
/** Frames a node may send at once, and per second on average. */
export const nodeFrameBurstMax = 60;
export const nodeFramesPerSecondMax = 20;
/** Events of a node that are taken at once, and per second on average; more are left out. */
export const nodeEventBurstMax = 400;
export const nodeEventsPerSecondMax = 5;
/** Unsent bytes on a node's socket: above the first, sending pauses; above the second, it closes. */
export const linkUnsentBytesPause = 256 * 1024;
export const linkUnsentBytesMax = 1024 * 1024;
/** A node that drains nothing for this long is closed. */
export const linkStuckMsMax = 30_000;
/** Node clocks may be wrong by this much in a signed header. */
export const clockSkewMsMax = 120_000;
/** Reconnecting: ceiling of the first wait and of all later ones. */
export const reconnectFirstMs = 500;
export const reconnectMsMax = 60_000;
/** The sweep that finds what no doorbell announced. */
export const sweepMs = 2_000;
/** Questions to nodes are looked for this often: by whoever holds the links, whoever asked. */
export const questionSweepMs = 500;
/** Open questions of one look, all tenants together. */
export const questionsPerSweepMax = 10_000;
/** Questions that one link has open; more are asked once one of them is answered. */
export const questionsPerLinkMax = 4;
/** Answers of nodes in one statement. */
export const answersPerWriteMax = 100;
/** From a plan's question to its answer; nodes that have not answered by then are named. */
export const planMsMax = 6_000;
/** Of which nodes get so much less: for the ways there and back. */
export const planMarginMs = 1_500;
/** Answers of nodes to a plan are looked for this often. */
export const planPollMs = 100;
/** Nodes that one plan asks; how many more there are, the answer says. */
export const planNodesMax = 100;
/** Problems that a node lists of one aspect of a plan. */
export const planProblemsMax = 50;
/** A text in a node's answer to a plan. */
export const planTextCharsMax = 300;
/** Backends that a node lists when it is asked how they are. */
export const healthBackendsMax = 100;
/** What a backend is called, in questions about one and in their answers. */
export const backendNameCharsMax = 300;
/** Manifests kept per group, so that a node that was away gets a difference. */
export const manifestsPerGroupKept = 100;
/** A `ref` may be a snapshot of 16 MB over a slow line: its answer is waited for longer. */
export const refAnswerMsMax = 60_000;
/** A configuration message that could not be made is tried again after this. */
export const configRetryMs = 2_000;
/** Two heartbeats of the control plane on one link keep this distance, unless it probes. */
export const heartbeatGapMs = 1_000;
/** Node clocks that are further off than this do not date their reports: the receipt does. */
export const clockOffsetMsMax = 5_000;
/** Boots of a node whose last report is remembered while it connects. */
export const bootsPerNodeKept = 16;
/** Links of one instance: 12,000 idle ones are some 500 MB with TLS. */
export const linksPerInstanceMax = 12_000;
/** Links of one tenant on one instance: the rest is for others. */
export const linksPerTenantMax = 10_000;
/** Handshakes of known nodes at once, and per second on average: TLS alone costs 2 ms each. */
export const handshakeBurstMax = 600;
export const handshakesPerSecondMax = 300;
/**
 * Attempts of one address (an IPv6 /64) whose signature is not verified: at once, and per second on
 * average. A verified one does not count, so that many nodes may stand behind one address.
 */
export const linkAttemptBurstMax = 600;
export const linkAttemptsPerSecondMax = 5;
/** Handshakes of one node: at once, and per second on average. It has one link, and waits between two. */
export const nodeHandshakeBurstMax = 30;
export const nodeHandshakesPerSecondMax = 1;
/** Handshakes that wait for the database at the same time. */
export const handshakesPendingMax = 1_000;
/** A handshake that is not done by then is given up. */
export const handshakeMsMax = 10_000;
/** A closed link gets this long for the closing handshake before its socket is destroyed. */
export const linkCloseMsMax = 2_000;
/** Nodes are told to come back within this after a restart; grows with their number. */
export const reconnectSpreadMsMin = 1_000;
export const reconnectSpreadMsMax = 60_000;
/** A link looks at its clocks once a second; links take turns, so many in each second. */
export const linkTicksPerSecond = 10;
/** Links that are written to before the event loop may do something else. */
export const linksPerTurnMax = 200;
/** Receipts and phases of nodes are written after at most this. */
export const receiptMsMax = 10;
/** That something was sent is written after this, together with the answer if that came. */
export const sentMsMax = 1_000;
/** Heartbeats are written together, this often. */
export const lastSeenMs = 10_000;
/** Receipts and events that wait while Postgres is away; the oldest go first. */
export const receiptsWaitingMax = 100_000;
export const nodeEventsWaitingMax = 20_000;
/** Rows of one statement about nodes. */
export const nodeRowsPerWriteMax = 2_000;
/** A write that Postgres did not take is tried again after at most this. */
export const storageRetryMsMax = 2_000;
/** Differences kept encoded, over all groups: 28 KB each at most. */
export const deltasCachedMax = 512;
/** Balancer bodies kept in memory, all together. */
export const bodiesCachedBytesMax = 64 * 1024 * 1024;
/** Groups that are read at the same time: the rest of the connections stays for others. */
export const groupsReadAtOnceMax = 4;
/** Nodes that secrets are sealed for at the same time. */
export const sealingsAtOnceMax = 4;
/** Older manifests kept in memory, over all groups. */
export const manifestsCachedMax = 256;
/** Snapshots kept encoded, all together. */
export const snapshotsCachedBytesMax = 128 * 1024 * 1024;
/** Manifest rows of a group are pruned once so many more than `manifestsPerGroupKept` are there. */
export const manifestsPruneSlack = 20;
/** Nodes of one tenant. */
export const nodesPerTenantMax = 20_000;
/** Join attempts of one address: at once, and per second on average. */
export const joinBurstMax = 240;
export const joinsPerSecondMax = 4;

// ---- health checks and discovery -----------------------------------------------------------------

/** Checks drift apart by this share of their interval, so that many of them do not march in step. */
export const checkJitterShare = 0.05;
/** A check whose timeout is "0" ends then all the same: it would hang, and never be a failure. */
export const checkMsMax = 60_000;
/** Output of one exec check: more than any definition can expect. */
export const execCheckOutputBytesMax = 16 * 1024;
/** What an http check reads of an answer: its headers, and the body's beginning. */
export const httpCheckHeaderBytesMax = 16 * 1024;
export const httpCheckBodyBytesMax = 64 * 1024;
/** Exec checks of one node that run at the same time; the others wait in line. */
export const execChecksMax = 32;
/** Results of one check that are kept to be looked at. */
export const checkResultsKept = 10;
/** After a failed fetch the next try comes this much later; after further ones within its doubles … */
export const fetchRetryMs = 2_000;
/** … up to this. */
export const fetchRetryMsMax = 30_000;
/** Fetches drift apart by this share of their interval, so that many nodes do not ask in step. */
export const fetchJitterShare = 0.05;
/** One fetch from a source on the same host: it answers or is down. */
export const localFetchMsDefault = 2_000;
/** One run of a command: it starts a process first. */
export const commandFetchMsDefault = 3_000;
/** One fetch across a network: two lost packets and their retries. */
export const remoteFetchMsDefault = 5_000;
/** A fetch whose timeout is "0" ends then: nothing may hang for good. */
export const fetchMsMax = 5 * 60_000;
/** A source's whole answer: what Docker or Consul say about 1,000 backends is 2 MB. */
export const sourceAnswerBytesMax = 8 * 1024 * 1024;
/** Text of lines, from a command or a page: 1,000 of the longest lines fit. */
export const sourceTextBytesMax = 2 * 1024 * 1024;
/** Fetches of one node's sources that run at the same time; the others wait in line. */
export const sourceFetchesMax = 64;
/** Commands of one node's sources that run at the same time: each is a process, and may start more. */
export const sourceCommandsMax = 16;
/** Lines, elements, containers of one answer that are looked at: four times what can be used. */
export const sourceItemsMax = 4_000;
/** Pages of one answer of AWS that are read. */
export const awsPagesMax = 20;
/** Instances that one page of EC2 or Cloud Map has at most. */
export const awsPageItems = 1_000;
/** Tasks that ECS describes in one call. */
export const ecsTasksPerCall = 100;
/** Lines matched against a pattern before other work gets its turn. */
export const sourceLinesAtOnceMax = 50;
/** A source that announces changes is asked at most this often. */
export const lookAgainMs = 100;
/** After its last event a Docker engine's list is read once more: it may be behind its events. */
export const lateListMs = 300;
/** A source whose newest backends have no address yet is asked again after this. */
export const unsettledSourceMs = 1_000;
/** A source's stream of events that ended is opened again: ceiling of the first wait, and of the later. */
export const watchRetryFirstMs = 1_000;
export const watchRetryMsMax = 30_000;
/** One event in such a stream, and the header of the HTTP answer that carries it. */
export const watchEventBytesMax = 1024 * 1024;
/** What a balancer's sources named last, as a file: 16 sources with 1,000 ordinary backends each. */
export const rememberedFileBytesMax = 2 * 1024 * 1024;
/** All these files of one node: the disk is there for other things too. */
export const rememberedBytesMax = 64 * 1024 * 1024;
/** A balancer that starts waits this long for its file; a disk that hangs must not keep it back. */
export const rememberedReadMsMax = 500;
/** What sources name is written together, this often, and so many files at most each time. */
export const rememberedWriteMs = 2_000;
export const rememberedFilesPerWriteMax = 50;
/** After a write that the disk refused comes this pause. */
export const rememberedRetryMs = 30_000;
/** A file is written anew so often while its balancer runs: its age is the time that nobody served. */
export const rememberedRefreshMs = 60 * 60_000;
/** After so long without an agent the addresses may be somebody else's by now. */
export const rememberedAgeMsMax = 7 * 24 * 60 * 60_000;
/** What a source lied about is told again at most this often. */
export const skippedToldMs = 10_000;
/** Redirects that one fetch follows. */
export const redirectsMax = 5;
/** Headers of one source's requests. */
export const sourceHeadersMax = 16;
/** A DNS question over UDP that is not answered is sent again after this. */
export const dnsResendMs = 1_000;
/** The UDP answer that EDNS(0) asks for; what is longer comes over TCP. */
export const dnsUdpBytesMax = 4_096;
/** DNS questions, or questions about single containers, of one fetch that run at the same time. */
export const sourceQuestionsAtOnceMax = 16;
/** Where TTLs decide when to ask again: shortest and longest pause. */
export const ttlMsMin = 1_000;
export const ttlMsMax = 60 * 60_000;
/** A Consul question waits this long for a change; Consul adds a sixteenth. */
export const consulWaitMs = 60_000;
/** The answer to such a question: later than that, nobody is there any more. */
export const consulAnswerMsMax = 80_000;
/** A watch of the Kubernetes API is asked to end after this; a version kept lets the next one go on. */
export const kubernetesWatchMs = 5 * 60_000;
/** One that has not ended by then is dead. */
export const kubernetesWatchMsMax = 320_000;

// ---- statistics --------------------------------------------------------------------------------

/** A node reports its counters this often. */
export const statisticsMs = 2_000;
/** Intervals a node keeps while the control plane is away; beyond it neighbouring ones are merged. */
export const reportsKeptMax = 300;
/** Rows in one report. */
export const reportRowsMax = 2_000;
/** Reports a node has on the way without confirmation. */
export const reportsInFlightMax = 8;
/** Reports are written together, this often. */
export const ingestMs = 200;
/** Reports that wait to be written; more are not taken, and the nodes send them again. */
export const reportsWaitingMax = 20_000;
/** Report rows of one transaction. */
export const reportRowsPerWriteMax = 20_000;
/** How long ten-second buckets are kept, and one-minute buckets. */
export const buckets10sMsKept = 6 * 60 * 60 * 1_000;
export const buckets1mMsKept = 30 * 24 * 60 * 60 * 1_000;
/** Events kept per node. */
export const eventsPerNodeKept = 1_000;
/** Receipts of revisions kept per node. */
export const receiptsPerNodeKept = 200;
/** The last report of a boot that is not the node's newest is remembered this long after it. */
export const bootMsKept = 7 * 24 * 60 * 60 * 1_000;
/** Totals of a backend that left, on a node: so long after, the last of them have been read. */
export const departedTotalsMsKept = 24 * 60 * 60 * 1_000;
/** What is past its time is removed this often. */
export const retentionMs = 60_000;
/** Rows that one retention statement removes; it is repeated while there are as many … */
export const retentionRowsMax = 20_000;
/** … but no longer than this, then the next round goes on. */
export const retentionRoundMsMax = 30_000;
/** Nodes, and balancers, whose old rows one retention statement looks for. */
export const retentionNodesMax = 200;

// ---- the node agent ----------------------------------------------------------------------------

/** Opening the link: address lookup, TCP, TLS and the upgrade, all together. */
export const linkConnectMsMax = 10_000;
/** From the node's `hello` to the answer: a control plane that just started may be busy. */
export const welcomeMsMax = 15_000;
/** A link that held this long forgets earlier failures. */
export const linkStableMs = 60_000;
/** Spread of the first reconnect while no `welcome` has named one. */
export const reconnectSpreadMsDefault = 10_000;
/** Waiting after a refusal that only people can lift: revoked, replaced, too old. */
export const refusedRetryMs = 300_000;
/** The longest wait that a control plane may ask a node for. */
export const retryAfterMsMax = 600_000;
/** Pulling a snapshot: 16 MB at 300 KB/s. */
export const snapshotFetchMsMax = 60_000;
/** Redeeming a join token: one small request. */
export const joinMsMax = 30_000;
/** Retiring the node that leaves: one small request. */
export const leaveMsMax = 30_000;
/** A control plane's answer to a node, other than a snapshot. */
export const agentAnswerBytesMax = 64 * 1024;
/** A version that serves within this time is acknowledged once, not also as stored. */
export const ackMergeMs = 20;
/** Errors that one `nack` lists, and the characters of each: together they fit a message's parts. */
export const nackErrorsMax = 500;
export const nackDetailCharsMax = 500;
/** Events that wait for the link, coalesced by what they are about; the oldest go first. */
export const eventsWaitingMax = 1_000;
/** Characters of what an event says: a frame with a longer text than the control plane takes is none. */
export const eventDetailCharsMax = 500;
/** Events in one frame, and the pause between two such frames. */
export const eventsPerFrameMax = 50;
export const eventsFrameMs = 1_000;
/** Events a node tells at once, and per second on average: less than are listened to. */
export const eventsToldBurstMax = 300;
export const eventsToldPerSecondMax = 4;
/** Rows of all unsent reports together; beyond it intervals are merged, then rows are dropped. */
export const reportRowsKeptMax = 50_000;
/** A report that is not confirmed by then is sent again. */
export const reportAnswerMsMax = 10_000;
/** Frames that reports may take at once, and per second: a backlog must not look like a flood. */
export const reportFrameBurstMax = 30;
export const reportFramesPerSecondMax = 10;
/** What waits to be reported is offered again this often. */
export const reportRetryMs = 1_000;
/** A start that died within this time counts towards a crash loop; a version that ran so long is proven. */
export const snapshotProvenMs = 60_000;
/** Starts on one snapshot that may die before the previous one is used instead. */
export const crashLoopStartsMax = 3;
/** Storing a snapshot: a disk that takes longer must not hold a change back. */
export const storeMsMax = 2_000;
/** A snapshot that the disk refused is written again after this, then later and later. */
export const storeRetryFirstMs = 2_000;
export const storeRetryMsMax = 60_000;
/** Plans that an agent looks into at the same time; others are answered `busy`. */
export const agentPlansMax = 2;
/** Backends that one plan dials; whether the others accept connections stays unknown. */
export const planBackendsMax = 256;
/** Backends of a plan that are dialled at the same time. */
export const planDialsMax = 32;
/** A backend accepts a plan's connection within this, or counts as not dialable. */
export const planDialMsMax = 2_000;
/** A source answers a plan within this. */
export const planSourceMsMax = 2_500;
/** Steps of one plan that run at the same time. */
export const applyStepsAtOnceMax = 16;
/** A balancer that could not start is tried again: ceiling of the first wait and of all later ones. */
export const applyRetryFirstMs = 500;
export const applyRetryMsMax = 15_000;
/** The local policy file, and the other small files of the agent's folder. */
export const agentFileBytesMax = 256 * 1024;
/** Entries of one list in the policy. */
export const policyItemsMax = 1_000;
/** The agent's compiled code is kept on disk only where at least this much is free. */
export const compiledCodeFreeBytesMin = 64 * 1024 * 1024;
/** Log lines that nobody reads: above this the next ones are left out, and counted. */
export const logUnsentBytesMax = 1024 * 1024;
/** The last log lines of a process that ends. */
export const logFlushMsMax = 500;
/** Connections may end by themselves for this long when the agent stops. */
export const drainMsDefault = 30_000;
/** The last report and the closing handshake of the link. */
export const farewellMsMax = 2_000;
/**
 * When the process that started the agent died, everything ends within this; connections alone may take
 * `flushMsMax`.
 */
export const orphanStopMsMax = 10_000;
/** A part of the agent that does not stop by then is left behind. */
export const agentPartStopMsMax = 3_000;
/** Worker threads of one agent, and unless it is told: as many as cores, but each costs a start. */
export const agentWorkersMax = 64;
export const agentWorkersDefaultMax = 16;
/** The local status port: connections, and the time one request may take. */
export const adminConnectionsMax = 64;
export const adminRequestMsMax = 5_000;
/** A status port that is taken is tried again this often. */
export const adminRetryMs = 5_000;
/** A change that is being applied when a restart is asked for is waited for this long. */
export const handoverHoldMsMax = 10_000;
/** A successor that does not serve by then is ended, and the agent goes on as before. */
export const successorMsMax = 60_000;
/** A successor that serves has this long to take over what cannot be shared: link, status port, pid file. */
export const takeoverMsMax = 10_000;
/** A successor that is not taken ends within this, or is killed. */
export const dismissMsMax = 5_000;
/** An agent that drains beside its successor tells it this often what its connections have moved. */
export const predecessorTotalsMs = 500;
/** The words of a restart's outcome. */
export const handoverTextCharsMax = 4_000;
/** Of a pid file, when it is looked whether it still names the agent that ends. */
export const pidFileBytesMax = 64;

/** Names that are looked up at the same time; further lookups are not made, and say nothing. */
export const lookupsAtOnceMax = 1_024;
/**
 * Lookups that begin at the same time, two questions each, and the pause before the next ones: a burst
 * that a name server's socket cannot hold is lost.
 */
export const lookupBurst = 16;
export const lookupBurstMs = 10;
/** A lookup, search domains included: the system's own function can take ten times as long. */
export const lookupMsMax = 5_000;
/** One answer of a name server, and how often each of them is asked. */
export const dnsAnswerMsMax = 1_500;
export const dnsTries = 2;
/** With addresses of one kind at hand, those of the other are waited for this long (RFC 8305). */
export const otherFamilyMsMax = 50;
/** An address is kept as long as its name server says, up to this; and so many names. */
export const nameKeptMsMax = 30_000;
export const namesKeptMax = 4_096;
/** resolv.conf and the hosts file: looked at this often, and read up to this size. */
export const systemFileCheckMs = 5_000;
export const systemFileBytesMax = 4 * 1024 * 1024;
/** Search domains of resolv.conf, as many as common resolvers take. */
export const searchDomainsMax = 16;

// ---- the database ------------------------------------------------------------------------------

/** Connections one control process opens; a transaction holds one for a few milliseconds. */
export const databaseConnectionsMax = 10;
/** Transactions that may wait for a connection; more are refused at once. */
export const databaseWaitersMax = 500;
/** How long a transaction waits for a connection before it is refused. */
export const databaseWaitMsMax = 5_000;
/** Opening a connection: address lookup, TCP, and separately sign-in. */
export const databaseConnectMsMax = 3_000;
/** One statement; Postgres cancels it then. */
export const databaseStatementMsMax = 10_000;
/** Waiting for a row that another transaction has locked. */
export const databaseLockMsMax = 5_000;
/** A whole transaction; its connection is cut then, whatever Postgres or the network does. */
export const databaseTransactionMsMax = 15_000;
/** A connection unused for this long is closed: a quiet control plane holds few. */
export const databaseIdleMsMax = 60_000;
/** A connection older than this is closed after its transaction: balances over a failover. */
export const databaseConnectionAgeMsMax = 30 * 60_000;
/** Wait before the listening connection is opened again: ceiling of the first and of all later. */
export const databaseRelistenFirstMs = 200;
export const databaseRelistenMsMax = 5_000;
/** The listening connection proves this often that it is alive: a dead one would just be silent. */
export const databaseListenCheckMs = 10_000;
/** Migrating may wait this long for another process that migrates. */
export const databaseMigrateMsMax = 120_000;

// ---- the HTTP API ------------------------------------------------------------------------------

/** A request's body: no call takes more than a balancer. */
export const requestBodyBytesMax = 256 * 1024;
/** A request's line and headers together. */
export const requestHeaderBytesMax = 16 * 1024;
/** Receiving a request's headers, and the whole request. */
export const requestHeadersMsMax = 10_000;
export const requestMsMax = 30_000;
/** From the last byte of a request to its answer: above the longest `Prefer: wait`. */
export const answerMsMax = 45_000;
/** An idle HTTP connection: above the 60 s after which common proxies give up theirs. */
export const idleHttpConnectionMsMax = 65_000;
/** Requests at work at the same time; more are turned away with 503. Those of nodes count apart. */
export const requestsInFlightMax = 1_000;
export const agentRequestsInFlightMax = 1_000;
/** Open TCP connections of the control plane, links included. */
export const controlConnectionsMax = 20_000;
/** Items that a list answers, unless asked for another number. */
export const pageItemsDefault = 50;
/** A cursor's text, an `X-Request-Id`, an `Idempotency-Key`. */
export const cursorCharsMax = 512;
export const requestIdCharsMax = 64;
export const idempotencyKeyCharsMax = 255;
/** The longest `Prefer: wait`. */
export const preferWaitMsMax = 30_000;
/** Plans that are asked for at the same time on one instance: by one tenant, and by all. */
export const plansPerTenantMax = 8;
export const plansMax = 64;
/** Changes that are waited for: of one tenant, and of all together. */
export const preferWaitsPerTenantMax = 100;
export const preferWaitsMax = 2_000;
/** Reads for waiting changes that run at the same time: the other connections stay for others. */
export const preferWaitReadsAtOnceMax = 3;
/** A waiting write looks at the receipts after the first pause, then after longer ones. */
export const preferWaitPollMs = 10;
export const preferWaitPollMsMax = 250;
/** Calls of one API key: at once, and per second on average. */
export const callsPerKeyBurstMax = 600;
export const callsPerKeyPerSecondMax = 100;
/** Sign-ups and log-ins from one address (an IPv6 /64): a guess costs a password hash. */
export const signInsPerAddressBurstMax = 20;
export const signInsPerAddressPerMinuteMax = 20;
/** Calls of one address (an IPv6 /64) whose credential is refused: at once, and per second on average. */
export const refusalsPerAddressBurstMax = 120;
export const refusalsPerAddressPerSecondMax = 2;
/** Keys and addresses whose calls are counted; the longest unused is forgotten. */
export const rateLimitEntriesMax = 20_000;
/** Rows by node that a receipt or a statistics answer lists; how many more there are is counted. */
export const nodeRowsMax = 1_000;
/** Rows by backend that a statistics answer lists. */
export const backendRowsMax = 1_000;
/** Series that one scrape of `/v1/metrics` answers. */
export const metricSeriesMax = 50_000;
/** A node not heard of for this long is shown as away: a dead link is noticed before. */
export const nodeAwayMsMin = 90_000;
/** Statistics: the shortest window is one bucket. */
export const statisticsWindowMsMin = 10_000;
/** Rates are averages over the last minute, or over the window when that is shorter. */
export const rateWindowMsMax = 60_000;
/** What a client is told to wait when the control plane cannot answer now. */
export const retryAfterS = 2;
/** The readiness check waits this long for the database. */
export const readyMsMax = 1_000;
/** A stop of the control plane: each part, and requests that are still at work. */
export const stopMsMax = 10_000;
export const stopRequestsMsMax = 2_000;
/** Waiting for a database that is not there yet: ceiling of the first pause and of all later ones. */
export const databaseAwaitFirstMs = 250;
export const databaseAwaitMsMax = 5_000;
/** The embedded Postgres: until it accepts connections (recovery included), and its fast shutdown. */
export const embeddedStartMsMax = 60_000;
export const embeddedStopMsMax = 8_000;

// ---- the data plane ----------------------------------------------------------------------------

/** What a direction holds for a reader that is slower than its sender; then the sender is not read. */
export const relayBufferBytes = 64 * 1024;
/** First bytes of a client that can be looked at before it is connected; a ClientHello has 16 KB at most. */
export const peekBytesMax = 64 * 1024;
/** A header of the PROXY protocol with all that it may carry; the addresses alone take 52. */
export const proxyHeaderBytesMax = 16 * 1024;
/** Waiting for a client's first bytes, a PROXY header or a ClientHello, where "0" asks for no limit. */
export const firstBytesMsMax = 60_000;
/**
 * Resident memory of the agent for a connection that moves nothing, sockets in the kernel aside. It is
 * no limit that the agent enforces: tests hold it to this.
 */
export const idleConnectionBytesMax = { native: 2 * 1024, portable: 16 * 1024 } as const;
/** The same for a UDP session whose client says nothing; a socket of node:dgram is most of the portable one. */
export const idleSessionBytesMax = { native: 2 * 1024, portable: 4 * 1024 } as const;
/** Room for new objects in a worker, in MB: what lives long leaves it, what dies there costs nothing. */
export const workerYoungGenerationMb = 8;
/** TCP keep-alive begins after this much silence: a peer that vanished is noticed in the end. */
export const keepAliveMs = 15_000;
/** A connection that is being closed gets this long to send what is queued and to be closed by its peer. */
export const flushMsMax = 2_000;
/** One side has ended and nothing moves, where no idle timeout is set: nobody comes back after this. */
export const halfClosedSilenceMsMax = 60 * 60 * 1_000;
/** The largest datagram that UDP over IPv6 carries without a jumbogram; over IPv4 it is 65,507. */
export const datagramBytesMax = 65_527;
/** Datagrams of a client that are held until its session has a backend: a few that came in one go. */
export const heldDatagramsMax = 16;
/** All that an engine holds so: a flood of new clients takes no more memory than this. */
export const heldBytesMax = 4 * 1024 * 1024;
/** Bytes that wait for one receiver whose path is full; of a UDP sender more would be late anyway. */
export const datagramQueueBytesMax = 256 * 1024;
/** A UDP client that speaks this long after its first reply is no address that was made up for the moment. */
export const proofAfterReplyMs = 250;
/** Without a reply it has to speak this long after its first datagram: its address is in use. */
export const proofWithoutReplyMs = 2_000;
/** To make room, no session goes whose client is proven and has spoken this lately. */
export const evictSilenceMs = 1_000;
/** Replies to a session that takes no more requests: a backend that is silent for this has answered. */
export const lastRepliesMs = 2_000;
/** A shared socket towards a backend that single datagrams go to is closed when unused for this. */
export const singleSocketIdleMs = 60_000;
/** Dropped datagrams are told this often: a flood of them is no flood of messages. */
export const dropsToldMs = 1_000;
/** A client's TLS handshake: three round trips of a slow mobile network, and a try again. */
export const clientHandshakeMsMax = 10_000;
/** Session tickets get a new key this often … */
export const ticketRotationMs = 12 * 60 * 60 * 1_000;
/** … and the keys before it open theirs: longer than any session lives. */
export const ticketKeysKept = 2;
/** Files of certificates are looked at this often: one that was renewed is used from then on. */
export const certificateReloadMs = 5_000;
/** Sessions of TLS to backends that a worker keeps to resume, for each terms: some 3 KB each. */
export const backendSessionsMax = 1_024;
/** Connections that wait in the kernel until a listener accepts them; the kernel's own limit holds too. */
export const listenBacklog = 1_024;
/** Balancers and backends that can be counted at the same time: 1.5 MB, and 3 MB a worker. */
export const counterSlotsMax = 65_536;
/** Totals of a backend or balancer that has left are told this long: two reports, below five seconds. */
export const departedRowMs = 4_000;
/** Health checks of one node that run at the same time; the others wait in line. */
export const healthChecksMax = 1_024;
/** A new balancer waits this long for its first backends before it listens. */
export const firstDiscoveryMsMax = 1_000;
/** Backends that one client's connection is tried on, one after the other. */
export const dialAttemptsMax = 3;
/** Host names whose pool a worker remembers, where patterns decide; then it begins anew. */
export const sniNamesKept = 4_096;
/** Workers bring their counters up to date this often; a rate over two seconds is then right to 5 %. */
export const movedMs = 100;
/** Refused clients and failed dials are told once a second, however many there are … */
export const noticeMs = 1_000;
/** … and in so many kinds at a time. */
export const noticesMax = 1_000;
/** Lines of the access log that wait in one worker, some 400 bytes each. More are left out, and counted. */
export const accessLinesMax = 10_000;
/** A worker hands its lines over this often, and only when those before have been taken. */
export const accessBatchMs = 200;
/** Connections that failed or were turned away and are logged although not sampled, per worker and second. */
export const accessErrorsPerSecondMax = 100;
/** Bytes of the access log that its file has not taken: above this further lines are left out, counted. */
export const accessUnsentBytesMax = 8 * 1024 * 1024;
/** An access log whose file failed is opened again after this. */
export const accessReopenMs = 5_000;
/** A worker answers a command of the main thread within this, or counts as hung. */
export const workerAnswerMsMax = 10_000;
/** A worker that died is replaced at once; when it dies again and again, after a wait up to these. */
export const workerRestartFirstMs = 100;
export const workerRestartMsMax = 5_000;
/** A worker that lived for this long has not died of its start. */
export const workerSteadyMs = 30_000;
/** A worker that is to stop closes its connections within this, or is ended as it is. */
export const workerStopMsMax = 3_000;
/** Two pools for a balancer's workers keep this distance, so that a wave of flips is one pool. */
export const poolGapMs = 10;
/** A removed balancer looks this often whether its last connection has closed. */
export const drainPollMs = 50;
/** A worker that replaces another one and cannot listen tries again after this. */
export const listenRetryMs = 1_000;
/** Backends that are neither named nor in use are looked for this often. */
export const backendSweepMs = 500;
/** Rates are averages over this. */
export const ratesMs = 2_000;
/** Clients of one balancer that are limited each by itself; further ones are let in uncounted. */
export const limitedClientsMax = 65_536;
/** A worker waits this long for another one to count a client: without a core that may take a while. */
export const clientLockMsMax = 200;
/** Answers of iphash1 that a worker keeps for a balancer: a power of two, 24 KB. */
export const electionAnswersKept = 4_096;
/** Connections that were cut at the end of a drain are waited for this long. */
export const drainGraceMs = 3_000;

// ---- what a tenant may have and ask ------------------------------------------------------------

/** Items in one page of a list. */
export const pageItemsMax = 200;
/**
 * Fewer balancers than this may leave a group without a word; from here on, more than that share of
 * what it had within that time wants a confirmation. Who has one to four is never asked.
 */
export const shrinkBalancersMin = 5;
export const shrinkShareMax = 0.5;
export const shrinkWindowMs = 10 * 60_000;
/** Groups of a tenant. */
export const groupsPerTenantMax = 200;
/** Certificates of a tenant: with their keys they fit a snapshot's answer beside any balancers. */
export const certificatesPerTenantMax = 500;
/** A certificate that ends within so many days is told of, in words that change at each of them. */
export const expiryWarningDays = [30, 7, 1] as const;
/** API keys of a tenant that still work. */
export const apiKeysPerTenantMax = 200;
/** Join tokens of a tenant that still work. */
export const joinTokensPerTenantMax = 1_000;
/** Nodes that may join with one token. */
export const joinTokenUsesMax = 10_000;
/** How long a join token works: unless said otherwise, and at most. */
export const joinTokenTtlMsDefault = 60 * 60_000;
export const joinTokenTtlMsMax = 30 * 24 * 60 * 60_000;
/** An API key that is to expire does so after at least, and at most. */
export const apiKeyTtlMsMin = 60_000;
export const apiKeyTtlMsMax = 10 * 365 * 24 * 60 * 60_000;
/** A session ends then, used or not. */
export const sessionMs = 12 * 60 * 60_000;
/** Characters of an API key's or a tenant's name. */
export const labelCharsMax = 100;
/** Characters of an e-mail address (RFC 5321). */
export const emailCharsMax = 254;
/** Characters of a password: fewer are guessed, more only cost work. */
export const passwordCharsMin = 10;
export const passwordCharsMax = 200;
/** Passwords hashed at once: each takes 32 MB and a core for a tenth of a second. */
export const passwordHashesMax = 2;
/** Sign-ups and log-ins that may wait for that; more are told to come back. */
export const passwordHashWaitersMax = 50;
/** An answer is kept this long for a repeated Idempotency-Key. */
export const idempotencyMs = 24 * 60 * 60_000;
/** What is over is deleted this often, so many rows at a time, until none is left or the time is over. */
export const purgeMs = 10 * 60_000;
export const purgeRowsMax = 1_000;
export const purgeTurnMsMax = 60_000;
