/** How `url.resolve` puts a relative text and a base together, step by step as programs know it. */

import { isScript, isSlashed, joinPath, type LegacyParts } from './url-legacy-parts.ts';

type Segments = string[];

const segmentsOf = (pathname: string | null): Segments => (pathname ? pathname.split('/') : []);

function copyAll(target: LegacyParts, source: LegacyParts): void {
  Object.assign(target, source);
}

function takeQuery(target: LegacyParts, source: LegacyParts): void {
  target.search = source.search;
  target.query = source.query;
}

function setPath(target: LegacyParts): void {
  if (target.pathname !== null || target.search !== null) target.path = joinPath(target);
}

/** Another scheme: nothing of the base stays but perhaps its slashes. */
function otherScheme(target: LegacyParts, relative: LegacyParts): void {
  if (!isSlashed(relative.protocol)) {
    copyAll(target, relative);
    return;
  }
  target.protocol = relative.protocol;
  const lacksHost = !relative.host && !/^file:?$/.test(relative.protocol ?? '');
  if (lacksHost && !isScript(relative.protocol)) {
    // "http:/a/b" names the host "a".
    const segments = (relative.pathname || '').split('/');
    while (segments.length > 0 && !relative.host) relative.host = segments.shift() ?? null;
    relative.host ||= '';
    relative.hostname ||= '';
    if (segments[0] !== '') segments.unshift('');
    if (segments.length < 2) segments.unshift('');
    target.pathname = segments.join('/');
  } else target.pathname = relative.pathname;
  takeQuery(target, relative);
  target.host = relative.host || '';
  target.auth = relative.auth;
  target.hostname = relative.hostname || relative.host;
  target.port = relative.port;
  if (target.pathname || target.search) target.path = joinPath(target);
  target.slashes = target.slashes || relative.slashes;
}

/** Names and passwords of addresses like mailto: may have ended up in the host. */
function splitAuthOfHost(target: LegacyParts): void {
  const { host } = target;
  if (!host || host.indexOf('@') <= 0) return;
  const [auth = '', rest] = host.split('@');
  target.auth = auth;
  target.host = rest ?? null;
  target.hostname = rest ?? null;
}

function setHost(target: LegacyParts, host: string | undefined): void {
  target.host = host as string | null;
  target.hostname = target.host;
  splitAuthOfHost(target);
}

/** Puts the host in front of the path: without slashes, ".." may climb up to it. */
function hostAsSegment(segments: Segments, host: string): void {
  if (segments[0] === '') segments[0] = host;
  else segments.unshift(host);
}

/** Removes "." and ".."; returns how many ".." went above the first segment. */
function removeDots(segments: Segments): number {
  let up = 0;
  for (let i = segments.length - 1; i >= 0; i--) {
    const segment = segments[i];
    if (segment === '.') segments.splice(i, 1);
    else if (segment === '..') {
      segments.splice(i, 1);
      up++;
    } else if (up > 0) {
      segments.splice(i, 1);
      up--;
    }
  }
  return up;
}

const startsAtRoot = (segments: Segments): boolean =>
  segments[0] === '' || (segments[0]?.startsWith('/') ?? false);

/** What decides how two paths are joined. */
interface Joining {
  /** The scheme of the base is none of those with slashes. */
  readonly isBare: boolean;
  readonly isAbsolute: boolean;
  /** The joined path begins with a slash. */
  mustBeRooted: boolean;
  readonly mayClimb: boolean;
}

function joiningOf(target: LegacyParts, relative: LegacyParts): Joining {
  const isAbsolute = Boolean(relative.host || relative.pathname?.startsWith('/'));
  const isBaseRooted = Boolean(target.pathname?.startsWith('/'));
  const mustBeRooted = isAbsolute || isBaseRooted || Boolean(target.host && relative.pathname);
  const isBare = Boolean(target.protocol) && !isSlashed(target.protocol);
  return { isBare, isAbsolute, mustBeRooted, mayClimb: !mustBeRooted };
}

function foldHosts(
  target: LegacyParts,
  relative: LegacyParts,
  paths: { readonly base: Segments; readonly added: Segments; readonly joining: Joining },
): void {
  const { base, added, joining } = paths;
  target.hostname = '';
  target.port = null;
  if (target.host) hostAsSegment(base, target.host);
  target.host = '';
  if (relative.protocol) {
    relative.hostname = null;
    relative.port = null;
    target.auth = null;
    if (relative.host) hostAsSegment(added, relative.host);
    relative.host = null;
  }
  joining.mustBeRooted &&= added[0] === '' || base[0] === '';
}

/** Host of an absolute path: another one takes the name and password with it. */
function takeHost(target: LegacyParts, relative: LegacyParts): void {
  if (relative.host || relative.host === '') {
    if (target.host !== relative.host) target.auth = null;
    target.host = relative.host;
    target.port = relative.port;
  }
  if (relative.hostname || relative.hostname === '') {
    if (target.hostname !== relative.hostname) target.auth = null;
    target.hostname = relative.hostname;
  }
}

/** Ends the joined path: dots, slashes at both ends, and the host out of it again. */
function finishPath(
  target: LegacyParts,
  relative: LegacyParts,
  path: { readonly segments: Segments; readonly joining: Joining },
): void {
  const { segments, joining } = path;
  const last = segments[segments.length - 1];
  const hasPlace = Boolean(target.host || relative.host || segments.length > 1);
  const endsInSlash = (hasPlace && (last === '.' || last === '..')) || last === '';
  let up = removeDots(segments);
  if (!joining.mustBeRooted && joining.mayClimb) for (; up > 0; up--) segments.unshift('..');
  if (joining.mustBeRooted && segments[0] !== '' && !startsAtRoot(segments)) segments.unshift('');
  if (endsInSlash && !segments.join('/').endsWith('/')) segments.push('');
  const isRooted = startsAtRoot(segments);
  if (joining.isBare) setHost(target, isRooted ? '' : (segments.shift() ?? ''));
  const mustBeRooted = joining.mustBeRooted || Boolean(target.host && segments.length > 0);
  if (mustBeRooted && !isRooted) segments.unshift('');
  if (segments.length === 0) {
    target.pathname = null;
    target.path = null;
  } else target.pathname = segments.join('/');
  setPath(target);
  target.auth = relative.auth || target.auth;
  target.slashes = target.slashes || relative.slashes;
}

function joinPaths(target: LegacyParts, relative: LegacyParts): void {
  const joining = joiningOf(target, relative);
  const base = segmentsOf(target.pathname);
  const added = segmentsOf(relative.pathname);
  if (joining.isBare) foldHosts(target, relative, { base, added, joining });
  let segments = base;
  if (joining.isAbsolute) {
    takeHost(target, relative);
    takeQuery(target, relative);
    segments = added;
  } else if (added.length > 0) {
    segments = [...base.slice(0, -1), ...added];
    takeQuery(target, relative);
  } else if (relative.search !== null && relative.search !== undefined) {
    if (joining.isBare) setHost(target, base.shift());
    takeQuery(target, relative);
    setPath(target);
    return;
  }
  if (segments.length > 0) finishPath(target, relative, { segments, joining });
  else {
    target.pathname = null;
    target.path = target.search ? `/${target.search}` : null;
  }
}

/** `target`, a copy of the base, becomes where `relative` points; its `href` is left to the caller. */
export function resolveInto(target: LegacyParts, relative: LegacyParts): void {
  target.hash = relative.hash;
  if (relative.href === '') return;
  if (relative.slashes && !relative.protocol) {
    copyAll(target, { ...relative, protocol: target.protocol });
    if (isSlashed(target.protocol) && target.hostname && !target.pathname) {
      target.pathname = '/';
      target.path = '/';
    }
  } else if (relative.protocol && relative.protocol !== target.protocol) {
    otherScheme(target, relative);
  } else joinPaths(target, relative);
}
