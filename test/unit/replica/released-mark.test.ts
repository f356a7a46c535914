import { describe, expect, it } from 'vitest';
import { RELEASED_MARK_RECORDS } from '../../../hypervisor/base/limits.ts';
import {
  knownReleased,
  type ReleasedAt,
  ReleasedMark,
} from '../../../hypervisor/replica/released-mark.ts';
import { asEpoch, asLsn } from '../../../log-format/index.ts';

function marked(from = 0): { readonly mark: ReleasedMark; readonly kept: string[] } {
  const kept: string[] = [];
  const released = ({ epoch, lsn }: ReleasedAt): void => {
    kept.push(`${epoch}/${lsn}`);
  };
  return { mark: new ReleasedMark({ released }, asLsn(from)), kept };
}

describe('what is noted of outputs that have left', () => {
  it('is nothing before a view, and what had left before with the first', () => {
    const { mark, kept } = marked(5);
    mark.left(asLsn(5), { seen: true });
    mark.flush();
    expect(kept).toEqual([]);
    mark.begin(asEpoch(3));
    expect(kept).toEqual(['3/5']);
  });

  it('is noted at once where somebody may see it twice, else after so many records, or when nothing happens', () => {
    const { mark, kept } = marked();
    mark.begin(asEpoch(1));
    mark.left(asLsn(2), { seen: true });
    mark.left(asLsn(3), { seen: false });
    expect(kept).toEqual(['1/0', '1/2']);
    mark.left(asLsn(2 + RELEASED_MARK_RECORDS), { seen: false });
    mark.left(asLsn(3 + RELEASED_MARK_RECORDS), { seen: false });
    expect(kept).toEqual(['1/0', '1/2', `1/${2 + RELEASED_MARK_RECORDS}`]);
    mark.flush();
    mark.flush();
    expect(kept.slice(3)).toEqual([`1/${3 + RELEASED_MARK_RECORDS}`]);
  });
});

const view = (...backups: string[]) => ({ epoch: asEpoch(4), primary: 'a', backups });
const at = (epoch: number, lsn: number): ReleasedAt => ({
  epoch: asEpoch(epoch),
  lsn: asLsn(lsn),
});

describe('what is known to have left of a log that ends', () => {
  const end = { reignSince: asEpoch(3), lsnReplayed: asLsn(20) };

  it('is what the mark says, and no more than there is', () => {
    expect(knownReleased({ ...end, view: view('b') }, at(4, 15))).toBe(15);
    expect(knownReleased({ ...end, view: view('b') }, at(4, 25))).toBe(20);
    expect(knownReleased({ ...end, view: view('b') }, at(5, 15))).toBe(15);
    expect(knownReleased({ ...end, view: view('b') }, at(3, 15))).toBe(15);
  });

  it('is that without a backup in the view, too: a newcomer may have been waited for', () => {
    expect(knownReleased({ ...end, view: view() }, at(4, 15))).toBe(15);
  });

  it('without a mark of that reign is all of it: nobody knows better', () => {
    expect(knownReleased({ ...end, view: view('b') }, undefined)).toBe(20);
    expect(knownReleased({ ...end, view: view('b') }, at(2, 15))).toBe(20);
    expect(knownReleased({ ...end, view: undefined }, at(4, 15))).toBe(20);
  });

  it('behind a snapshot of that very reign is what came before it: the mark may be of the same one', () => {
    const begun = { view: { ...view('b'), epoch: asEpoch(3) }, lsn: asLsn(12) };
    expect(knownReleased({ ...end, view: view('b') }, at(2, 10), begun)).toBe(12);
    // Another primary's lies between, or the mark says it.
    expect(
      knownReleased({ ...end, view: view('b') }, at(2, 10), {
        ...begun,
        view: { ...view('b'), epoch: asEpoch(1) },
      }),
    ).toBe(20);
    expect(knownReleased({ ...end, view: view('b') }, at(3, 15), begun)).toBe(15);
  });
});
