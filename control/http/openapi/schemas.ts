import { balancerSchema } from "#shared/definition/balancer.ts";
import { managedBackendSchema, managedPatchSchema } from "#shared/definition/managed-backend.ts";

import { newCertificateSchema, renewalSchema } from "../../verbs/certificate/certificate-input.ts";
import {
  apiKeyAnswerSchema,
  auditAnswerSchema,
  groupAnswerSchema,
  joinTokenAnswerSchema,
  loggedInSchema,
  meSchema,
  newApiKeySchema,
  newJoinTokenSchema,
  signedUpSchema,
} from "../answers/access-answer.ts";
import { pageSchema } from "../answers/answer-schema.ts";
import { backendAnswerSchema, backendRemovedSchema } from "../answers/backend-answer.ts";
import { balancerAnswerSchema, balancerRemovedSchema } from "../answers/balancer-answer.ts";
import {
  certificateAnswerSchema,
  certificateRemovedSchema,
} from "../answers/certificate-answer.ts";
import { eventAnswerSchema } from "../answers/event-answer.ts";
import { healthAnswerSchema } from "../answers/health-answer.ts";
import { nodeAnswerSchema } from "../answers/node-answer.ts";
import { planAnswerSchema } from "../answers/plan-answer.ts";
import {
  diffAnswerSchema,
  revisionAnswerSchema,
  revisionReceiptSchema,
  rollbackAnswerSchema,
  unchangedAnswerSchema,
} from "../answers/revision-answer.ts";
import { trafficAnswerSchema } from "../answers/traffic-answer.ts";
import {
  apiKeyBodySchema,
  groupBodySchema,
  joinTokenBodySchema,
  logInBodySchema,
  signUpBodySchema,
} from "../bodies.ts";

/** Bodies that calls take, by the name that the description gives them. */
export const bodySchemas = {
  ApiKeyInput: apiKeyBodySchema,
  BalancerInput: balancerSchema,
  CertificateInput: newCertificateSchema,
  CertificateRenewal: renewalSchema,
  GroupInput: groupBodySchema,
  JoinTokenInput: joinTokenBodySchema,
  LogIn: logInBodySchema,
  ManagedBackendInput: managedBackendSchema,
  ManagedBackendPatch: managedPatchSchema,
  SignUp: signUpBodySchema,
} as const;
export type BodyName = keyof typeof bodySchemas;

/** Bodies that calls answer. */
export const answerSchemas = {
  ApiKey: apiKeyAnswerSchema,
  ApiKeys: pageSchema(apiKeyAnswerSchema),
  AuditEntries: pageSchema(auditAnswerSchema),
  BackendAnswer: backendAnswerSchema,
  BackendRemoved: backendRemovedSchema,
  Backends: pageSchema(backendAnswerSchema),
  BalancerAnswer: balancerAnswerSchema,
  BalancerRemoved: balancerRemovedSchema,
  Balancers: pageSchema(balancerAnswerSchema),
  CertificateAnswer: certificateAnswerSchema,
  CertificateRemoved: certificateRemovedSchema,
  Certificates: pageSchema(certificateAnswerSchema),
  Difference: diffAnswerSchema,
  Event: eventAnswerSchema,
  Events: pageSchema(eventAnswerSchema),
  Group: groupAnswerSchema,
  Groups: pageSchema(groupAnswerSchema),
  Health: healthAnswerSchema,
  JoinTokens: pageSchema(joinTokenAnswerSchema),
  LoggedIn: loggedInSchema,
  Me: meSchema,
  NewApiKey: newApiKeySchema,
  NewJoinToken: newJoinTokenSchema,
  Node: nodeAnswerSchema,
  Nodes: pageSchema(nodeAnswerSchema),
  Plan: planAnswerSchema,
  RevisionReceipt: revisionReceiptSchema,
  Revisions: pageSchema(revisionAnswerSchema),
  Rollback: rollbackAnswerSchema,
  SignedUp: signedUpSchema,
  Traffic: trafficAnswerSchema,
  Unchanged: unchangedAnswerSchema,
} as const;
export type AnswerName = keyof typeof answerSchemas;
