import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { JSONFilePreset } from 'lowdb/node';

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'lowdb-'));
const file = path.join(directory, 'db.json');
const db = await JSONFilePreset(file, { posts: [] });
await db.update(({ posts }) => posts.push({ id: 1, title: 'a' }));
await Promise.all([1, 2, 3].map((id) => db.update(({ posts }) => posts.push({ id }))));
console.log(JSON.parse(fs.readFileSync(file, 'utf8')), fs.readdirSync(directory));
console.log((await JSONFilePreset(file, {})).data.posts.length);
fs.rmSync(directory, { recursive: true });
