/** The line that says where the server is. */

export function banner(name: string, host: string, port: number): string {
  return `${name}: listening on ${host}:${port}`;
}
