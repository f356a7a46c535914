/** A real PostgreSQL server on this machine, with a directory of its own, killed with -9. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './kv-client.ts';
import { makeCertificate } from './test-certificate.ts';

const POLL_MS = 20;
const READY_MS = 30_000;
const DEBIAN = '/usr/lib/postgresql';
/** Small; and after a crash one call syncs the file system instead of one for each of a thousand files. */
const SETTINGS = ['shared_buffers=16MB', 'max_connections=50', 'recovery_init_sync_method=syncfs'];
export const PASSWORD = 'p@ss/w:rd ü';

/** Directory of the programs; undefined: PostgreSQL is not installed, or nobody may run it. */
const BIN: string | undefined = findPrograms();
export const hasPostgres: boolean = BIN !== undefined && owner() !== undefined;

function findPrograms(): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort() : [];
  return versions
    .map((one) => join(DEBIAN, one, 'bin'))
    .find((dir) => existsSync(join(dir, 'initdb')));
}

/** The server refuses to run as root; then Debian's own user runs it. Empty: we do. */
function owner(): { readonly uid?: number; readonly gid?: number } | undefined {
  if (process.geteuid?.() !== 0) return {};
  const [uid, gid] = ['-u', '-g'].map((what) => spawnSync('id', [what, 'postgres']));
  if (uid?.status !== 0 || gid?.status !== 0) return undefined;
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}

export class PostgresServer {
  readonly #dir = mkdtempSync(join(tmpdir(), 'hv-pg-'));
  readonly port: number;
  #process: ChildProcess | undefined;
  #log = '';

  private constructor(port: number) {
    this.port = port;
  }

  static async start(): Promise<PostgresServer> {
    const server = new PostgresServer(await freePort());
    const { uid, gid } = owner() ?? {};
    if (uid !== undefined && gid !== undefined) chownSync(server.#dir, uid, gid);
    const secret = join(server.#dir, 'password');
    writeFileSync(secret, PASSWORD, { mode: 0o644 });
    const made = spawnSync(
      join(BIN ?? '', 'initdb'),
      [
        ...['--pgdata', join(server.#dir, 'data'), '--username', 'hv', '--pwfile', secret],
        ...['--auth', 'scram-sha-256', '--encoding', 'UTF8', '--locale', 'C', '--no-sync'],
      ],
      { ...owner(), cwd: '/', encoding: 'utf8' },
    );
    if (made.status !== 0) throw new Error(`initdb failed:\n${made.stdout}${made.stderr}`);
    await server.revive();
    return server;
  }

  get url(): string {
    return this.urlOf('127.0.0.1', this.port);
  }

  /** For psql. */
  get dsn(): string {
    return this.url.replace(/^pg:/, 'postgresql:');
  }

  /** The same database behind another address. */
  urlOf(host: string, port: number): string {
    return `pg://hv:${encodeURIComponent(PASSWORD)}@${host}:${port}/postgres`;
  }

  /** Starts it, perhaps as a standby (of nobody), and waits until it lets us in. */
  async revive(options: { readonly standby?: boolean } = {}): Promise<void> {
    const signal = join(this.#dir, 'data', 'standby.signal');
    if (options.standby === true) writeFileSync(signal, '');
    else rmSync(signal, { force: true });
    const until = performance.now() + READY_MS;
    for (;;) {
      // The first try may find shared memory of a session that is not quite dead.
      if (this.#process === undefined) this.#spawn();
      if (await this.#answers()) return;
      if (performance.now() > until) throw new Error(`postgres does not start:\n${this.#log}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** From now on it speaks TLS, too. The path of the certificate to trust. */
  encrypt(): string {
    const { cert, key } = makeCertificate(this.#dir);
    const { uid, gid } = owner() ?? {};
    chmodSync(key, 0o600);
    if (uid !== undefined && gid !== undefined)
      for (const file of [cert, key]) chownSync(file, uid, gid);
    this.sql(`ALTER SYSTEM SET ssl_cert_file = '${cert}'`);
    this.sql(`ALTER SYSTEM SET ssl_key_file = '${key}'`);
    this.sql('ALTER SYSTEM SET ssl = on');
    this.sql('SELECT pg_reload_conf()');
    while (this.sql('SHOW ssl') !== 'on') this.sql('SELECT pg_sleep(0.01)');
    return cert;
  }

  /** Ends the server and all its sessions at once, without a word to anybody. */
  async kill(): Promise<void> {
    const process = this.#process;
    if (process?.pid === undefined) throw new Error('the server does not run');
    const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8');
    const gone = new Promise((resolve) => process.once('exit', resolve));
    process.kill('SIGKILL');
    for (const pid of children.split(' ').filter(Boolean).map(Number)) kill(pid);
    await gone;
  }

  async stop(): Promise<void> {
    if (this.#process !== undefined) await this.kill();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #spawn(): void {
    const process = spawn(
      join(BIN ?? '', 'postgres'),
      [
        ...['-D', join(this.#dir, 'data'), '-p', String(this.port), '-h', '127.0.0.1', '-k', ''],
        ...SETTINGS.flatMap((one) => ['-c', one]),
      ],
      { ...owner(), cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] },
    );
    for (const stream of [process.stdout, process.stderr])
      stream.on('data', (bytes: Buffer) => {
        this.#log = (this.#log + bytes.toString()).slice(-20_000);
      });
    process.once('exit', () => {
      if (this.#process === process) this.#process = undefined;
    });
    this.#process = process;
  }

  /** One line per row, columns between bars. Runs as psql, which knows nothing of our adapter. */
  sql(text: string): string {
    const { stdout, stderr, status } = this.#psql(text);
    if (status !== 0) throw new Error(stderr);
    return stdout.trim();
  }

  /** Not psql: that would stop this process, and with it whoever claims meanwhile. */
  #answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const args = ['-h', '127.0.0.1', '-p', String(this.port), '-q'];
      const asked = spawn(join(BIN ?? '', 'pg_isready'), args, { stdio: 'ignore' });
      asked.once('exit', (code) => resolve(code === 0));
    });
  }

  #psql(text: string): { stdout: string; stderr: string; status: number | null } {
    return spawnSync(
      join(BIN ?? '', 'psql'),
      ['-h', '127.0.0.1', '-p', String(this.port), '-U', 'hv', '-d', 'postgres', '-AtXc', text],
      { env: { PGPASSWORD: PASSWORD, PATH: process.env.PATH }, encoding: 'utf8' },
    );
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // It may have seen the death of its parent already.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
