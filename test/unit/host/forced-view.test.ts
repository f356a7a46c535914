import { describe, expect, it } from 'vitest';
import { FORCED_EPOCHS_SKIPPED } from '../../../hypervisor/base/limits.ts';
import { decideClaim } from '../../../hypervisor/host/arbiter-answers.ts';
import { claimByForce, LateArbiter } from '../../../hypervisor/host/forced-view.ts';
import type { Arbiter, ArbiterAnswer, ViewClaim } from '../../../hypervisor/ports.ts';
import type { View } from '../../../hypervisor/protocol/messages.ts';
import { asEpoch } from '../../../log-format/index.ts';

/** Decides as the real ones do; may be away, and may lose its answers. */
class FakeArbiter implements Arbiter {
  current: { view: View; token: string } | undefined;
  away = false;
  /** Of so many claims that are taken the answer gets lost. */
  losing = 0;
  readonly claims: ViewClaim[] = [];

  put(epoch: number, primary: string, backups: readonly string[] = []): this {
    this.current = { view: { epoch: asEpoch(epoch), primary, backups }, token: `of ${epoch}` };
    return this;
  }

  read(_vm: string, done: (answer: ArbiterAnswer) => void): void {
    done(this.away ? AWAY : { type: 'current', view: this.current?.view });
  }

  claim(claim: ViewClaim, done: (answer: ArbiterAnswer) => void): void {
    if (this.away) {
      done(AWAY);
      return;
    }
    this.claims.push(claim);
    const decided = decideClaim(claim, this.current, 'here');
    if (decided !== undefined) {
      done(decided);
      return;
    }
    this.current = { view: claim.next, token: claim.token };
    if (this.losing > 0) {
      this.losing -= 1;
      done({ type: 'unavailable', reason: 'the answer got lost' });
    } else done({ type: 'won', view: claim.next });
  }
}

const AWAY: ArbiterAnswer = { type: 'unavailable', reason: 'nobody there' };

const claim = (epochKnown: number, patienceMs = 1_000): Parameters<typeof claimByForce>[1] => ({
  ...{ vm: 'vm', self: 'me', token: 'token', patienceMs },
  epochKnown: asEpoch(epochKnown),
});

describe('a view claimed by force', () => {
  it('follows the view in force, however far that has gone on without this replica', async () => {
    const arbiter = new FakeArbiter().put(9, 'old', ['b']);
    expect(await claimByForce(arbiter, claim(4))).toEqual({
      type: 'claimed',
      view: { epoch: 10, primary: 'me', backups: [] },
      former: { epoch: 9, primary: 'old', backups: ['b'] },
    });
  });

  it('is later than any epoch its log may hold, where the arbiter is behind', async () => {
    const arbiter = new FakeArbiter().put(2, 'old');
    const { view } = await claimByForce(arbiter, claim(5));
    expect(view.epoch).toBe(6);
    expect(arbiter.current?.view).toEqual(view);
  });

  it('is one view, though the answer to its claim gets lost', async () => {
    const arbiter = new FakeArbiter().put(2, 'old');
    arbiter.losing = 1;
    const forced = await claimByForce(arbiter, claim(2));
    expect(forced).toMatchObject({ type: 'claimed', view: { epoch: 3 } });
    expect(arbiter.claims.map(({ token }) => token)).toEqual(['token-3', 'token-3']);
  });

  it('leaves epochs to a primary that may live, where no arbiter answers', async () => {
    const arbiter = new FakeArbiter();
    arbiter.away = true;
    expect(await claimByForce(arbiter, claim(4, 0))).toEqual({
      type: 'unclaimed',
      view: { epoch: 5 + FORCED_EPOCHS_SKIPPED, primary: 'me', backups: [] },
      reason: 'nobody there',
    });
  });
});

describe('the arbiter of a primary that went live without it', () => {
  const taken: View = { epoch: asEpoch(6), primary: 'me', backups: [] };
  const late = (arbiter: Arbiter): LateArbiter =>
    new LateArbiter(arbiter, { view: taken, token: 'late' });
  const next: ViewClaim = {
    ...{ vm: 'vm', expect: asEpoch(6), token: 'next' },
    next: { epoch: asEpoch(7), primary: 'me', backups: ['b'] },
  };
  const ask = (arbiter: LateArbiter): Promise<ArbiterAnswer> =>
    new Promise((resolve) => arbiter.claim(next, resolve));

  it('is brought to the epoch taken before the next view is claimed', async () => {
    const arbiter = new FakeArbiter().put(2, 'old');
    expect(await ask(late(arbiter))).toMatchObject({ type: 'won', view: { epoch: 7 } });
    expect(arbiter.claims.map((one) => one.next.epoch)).toEqual([3, 4, 5, 6, 7]);
  });

  it('is brought there over views that the old primary has won meanwhile', async () => {
    const arbiter = new FakeArbiter().put(5, 'old');
    expect(await ask(late(arbiter))).toMatchObject({ type: 'won' });
    expect(arbiter.claims.map((one) => one.next.epoch)).toEqual([6, 7]);
  });

  it('loses to a replica that has come as far', async () => {
    const arbiter = new FakeArbiter().put(6, 'other');
    expect(await ask(late(arbiter))).toMatchObject({ type: 'lost', view: { primary: 'other' } });
  });

  it('is asked again when it was away, from where the steps before have led', async () => {
    const arbiter = new FakeArbiter().put(4, 'old');
    const asked = late(arbiter);
    arbiter.away = true;
    expect(await ask(asked)).toEqual(AWAY);
    arbiter.away = false;
    arbiter.losing = 1;
    expect(await ask(asked)).toMatchObject({ type: 'unavailable' });
    expect(await ask(asked)).toMatchObject({ type: 'won', view: { epoch: 7 } });
  });
});
