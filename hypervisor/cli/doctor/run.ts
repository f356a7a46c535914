/** `hv doctor`: what would keep this pair from failing over, measured from this host. */

import { availableParallelism, freemem } from 'node:os';
import { resolve } from 'node:path';
import { EXIT, HvError } from '../../base/errors.ts';
import { isLoopback, parseAddress } from '../../host/addresses.ts';
import { absoluteArbiterUrl, openArbiter } from '../../host/arbiters.ts';
import { refuseColocated } from '../../host/colocation.ts';
import { shownUrl } from '../../host/server-urls.ts';
import { type LinkSecurity, loadSecurity } from '../../host/tls.ts';
import { HV_VERSION } from '../../host/version.ts';
import type { Settings } from '../config/settings.ts';
import { data } from '../print.ts';
import { securityFrom } from '../up/identity.ts';
import { isSameReplica, resolveByDns } from '../up/own-address.ts';
import {
  type Finding,
  judgeArbiter,
  judgeDisk,
  judgeMachine,
  judgeNode,
  judgePeer,
  judgePort,
  judgeSteps,
  judgeSyncs,
  verdictOf,
} from './findings.ts';
import { freeBytes, portTaken, timeArbiter, timeSyncs } from './measure.ts';
import { probePeer } from './peer-probe.ts';

interface Subject {
  readonly listen: string;
  readonly dir: string;
  readonly arbiter: string | undefined;
  readonly mayBeColocated: boolean;
  readonly peers: readonly string[];
}

/** Prints as it goes; returns the exit status: 0, or 123 when no failover would work. */
export async function runDoctor(
  settings: Settings,
  how: { readonly json: boolean },
): Promise<number> {
  const subject = await subjectOf(settings);
  const findings: Finding[] = [];
  const found = (one: Finding): void => {
    findings.push(one);
    if (!how.json) data(lineOf(one));
  };
  const clockBefore = Date.now() - performance.now();
  found(judgeNode(process.versions.node));
  found(judgeMachine({ cpus: availableParallelism(), freeBytes: freemem() }));
  const { dir, listen, peers } = subject;
  const syncs = timeSyncs(dir);
  found(judgeSyncs(dir, syncs));
  if (typeof syncs !== 'string') found(judgeDisk(dir, freeBytes(dir)));
  found(judgePort(listen, await portTaken(listen, dir)));
  const { security, finding } = judgeSecurity(settings, subject);
  found(finding);
  found(await arbiterFinding(subject));
  if (security !== undefined)
    for (const facts of await Promise.all(peers.map((peer) => probe(peer, subject, security))))
      found(judgePeer(facts, HV_VERSION));
  found(judgeSteps(Date.now() - performance.now() - clockBefore));
  const verdict = verdictOf(findings, peers.length);
  data(
    how.json
      ? JSON.stringify({ able: verdict.able, verdict: verdict.text, findings })
      : verdict.text,
  );
  return verdict.able ? EXIT.ok : EXIT.cannotProtect;
}

export function lineOf({ check, state, text, todo }: Finding): string {
  const line = `${state.padEnd(4)}  ${check}: ${text}`;
  return todo === undefined ? line : `${line}\n      ${todo}`;
}

async function subjectOf(settings: Settings): Promise<Subject> {
  const listen = settings.text('replica.listen') ?? '';
  const peers: string[] = [];
  for (const peer of settings.list('replica.peers'))
    if (!(await isSameReplica(peer, listen, resolveByDns))) peers.push(peer);
  return {
    listen,
    dir: resolve(settings.text('replica.dir') ?? '.hv'),
    arbiter: settings.text('protection.arbiter'),
    mayBeColocated: settings.on('protection.arbiter-colocated'),
    peers,
  };
}

/** Whether links may be made at all, and by what they are secured. */
function judgeSecurity(
  settings: Settings,
  { listen, peers }: Subject,
): { readonly security: LinkSecurity | undefined; readonly finding: Finding } {
  const check = 'authentication';
  try {
    const security = loadSecurity(securityFrom(settings));
    security.checkListen(listen);
    for (const peer of peers) security.checkDial(peer);
    const warning = security.warning();
    const plain = security.mode === 'plain' && settings.on('protection.insecure');
    if (warning === undefined && !plain)
      return { security, finding: { check, state: 'ok', text: security.describe() } };
    return {
      security,
      finding: {
        ...{ check, state: 'warn', text: warning ?? security.describe() },
        todo: plain ? 'make a token with hv token new' : 'make a new one with hv cert new --renew',
      },
    };
  } catch (error) {
    if (!(error instanceof HvError)) throw error;
    const todo = 'make a token with hv token new, or certificates with hv cert new';
    return { security: undefined, finding: { check, state: 'fail', text: error.message, todo } };
  }
}

async function arbiterFinding({ arbiter, peers, mayBeColocated }: Subject): Promise<Finding> {
  const hosts = peers.map((peer) => parseAddress(peer, { what: 'replica.peers' }).host);
  const needed = hosts.some((host) => !isLoopback(host));
  const shown = arbiter === undefined ? undefined : shownUrl(arbiter);
  const known = { url: shown, needed, mayBeColocated, misplaced: undefined };
  if (arbiter === undefined) return judgeArbiter({ ...known, answers: '' });
  try {
    const answers = await timeArbiter(openArbiter(arbiter));
    return judgeArbiter({ ...known, answers, misplaced: await misplacedWords(arbiter, hosts) });
  } catch (error) {
    // A URL that is none, or its token file.
    if (!(error instanceof HvError)) throw error;
    return judgeArbiter({ ...known, answers: error.message });
  }
}

async function misplacedWords(
  arbiter: string,
  hosts: readonly string[],
): Promise<string | undefined> {
  try {
    await refuseColocated(arbiter, hosts);
    return undefined;
  } catch (error) {
    if (error instanceof HvError && error.code === 'HV_E_ARBITER_COLOCATED') return error.message;
    throw error;
  }
}

function probe(
  peer: string,
  { arbiter, listen }: Subject,
  security: LinkSecurity,
): ReturnType<typeof probePeer> {
  // Without one a primary on this machine would name a directory.
  const named = absoluteArbiterUrl(arbiter ?? 'file:.hv/arbiter');
  return probePeer(peer, { security, arbiter: named, own: listen });
}
