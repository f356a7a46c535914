/** Programs that some tests need and that a machine may not have. */

/**
 * True if the tests can run. Otherwise says why they are skipped; where HV_REQUIRE_TOOLS is set, as in
 * CI, which installs everything, it throws: there a skip would be a hole nobody sees.
 */
export function requireTools(present: boolean, missing: string): boolean {
  if (present) return true;
  if (process.env.HV_REQUIRE_TOOLS) throw new Error(missing);
  console.log(`${missing}: tests skipped`);
  return false;
}
