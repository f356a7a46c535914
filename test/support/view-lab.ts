/** A view service with an arbiter's record beside it, driven by hand in virtual time. */

import { VIEW_PING_MS } from '../../hypervisor/base/limits.ts';
import type { View } from '../../hypervisor/protocol/messages.ts';
import type { Ping } from '../../hypervisor/protocol/view-replicas.ts';
import {
  type Advice,
  type PingOutcome,
  ViewService,
} from '../../hypervisor/protocol/view-service.ts';
import { asEpoch, asLsn, asMillis } from '../../log-format/index.ts';

export type PingFields = Partial<Omit<Ping, 'replica' | 'epoch' | 'lsn'>> & {
  readonly lsn?: number;
};

export interface Told {
  readonly type: PingOutcome['type'];
  /** `epoch primary backup,backup`, or undefined. */
  readonly view: string | undefined;
  readonly advice: Advice;
}

export function pingOf(replica: string, epoch: number, fields: PingFields = {}): Ping {
  return {
    role: epoch === 0 ? 'spare' : 'backup',
    synced: false,
    priority: 1,
    hidden: false,
    primaryLink: undefined,
    needs: undefined,
    wants: 1,
    boot: undefined,
    seq: 0,
    ...fields,
    replica,
    epoch: asEpoch(epoch),
    lsn: asLsn(fields.lsn ?? 0),
  };
}

export function shown(view: View | undefined): string | undefined {
  return view && `${view.epoch} ${view.primary} ${view.backups.join(',')}`.trimEnd();
}

export class ViewLab {
  now = 1_000;
  service: ViewService;
  /** Every view there has been, in order: the record on the arbiter's disk is the last. */
  readonly views: View[] = [];
  reserved = false;

  constructor() {
    this.service = new ViewService(undefined, asMillis(this.now));
  }

  get view(): string | undefined {
    return shown(this.views.at(-1));
  }

  /** A ping of a primary of `epoch`. */
  primary(replica: string, epoch: number, fields: PingFields = {}): Told {
    return this.ping(replica, epoch, { role: 'primary', synced: true, ...fields });
  }

  /** A ping of a backup that holds the state of `epoch`. */
  synced(replica: string, epoch: number, fields: PingFields = {}): Told {
    return this.ping(replica, epoch, { role: 'backup', synced: true, ...fields });
  }

  ping(replica: string, epoch: number, fields: PingFields = {}): Told {
    const outcome = this.service.ping(pingOf(replica, epoch, fields), asMillis(this.now));
    if (outcome.type === 'move') this.#set(outcome.next, true);
    return { type: outcome.type, view: this.view, advice: this.service.advice(replica) };
  }

  /** A replica's claim, as the arbiter decides it; false: lost. */
  claim(expect: number, primary: string, ...backups: string[]): boolean {
    const view = { epoch: asEpoch(expect + 1), primary, backups };
    const current = this.views.at(-1);
    if (this.reserved && shown(current) === shown(view)) {
      this.reserved = false;
      this.service.decided({ view, reserved: false }, asMillis(this.now));
      return true;
    }
    if ((current?.epoch ?? 0) !== expect) return false;
    this.#set(view, false);
    return true;
  }

  /** Lets time pass in ping intervals; `each` pings who is alive. */
  pass(intervals: number, each: () => void = () => undefined): void {
    for (let count = 0; count < intervals; count++) {
      this.now += VIEW_PING_MS;
      this.service.tick(asMillis(this.now));
      each();
    }
  }

  /** The arbiter's process ends and another one reads the same disk. */
  restart(): void {
    const view = this.views.at(-1);
    this.service = new ViewService(view && { view, reserved: this.reserved }, asMillis(this.now));
  }

  #set(view: View, reserved: boolean): void {
    this.views.push(view);
    this.reserved = reserved;
    this.service.decided({ view, reserved }, asMillis(this.now));
  }
}
