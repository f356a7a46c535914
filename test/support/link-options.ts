/**
 * The options that let the replicas of a test trust each other, in one place: every `hv run` and
 * `hv backup` that tests start with links of their own gets them.
 */

/** Where the two ends of a link are: on one machine by loopback, or on several. */
export type Reach = 'loopback' | 'network';

/** For `hv run` (before the script) and `hv backup`. */
export function linkOptions(_reach: Reach): readonly string[] {
  return [];
}
