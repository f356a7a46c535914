const fs = require('fs-extra');
const os = require('node:os');
const path = require('node:path');

(async () => {
  const root = await fs.mkdtemp(path.join(os.tmpdir(), 'extra-'));
  const at = (...parts) => path.join(root, ...parts);
  await fs.outputJson(at('a/b/c.json'), { x: 1 }, { spaces: 2 });
  await fs.ensureDir(at('d/e'));
  await fs.copy(at('a'), at('d/copy'));
  await fs.move(at('a/b/c.json'), at('d/moved.json'));
  console.log(
    await fs.readJson(at('d/copy/b/c.json')),
    await fs.pathExists(at('a/b/c.json')),
    fs.readJsonSync(at('d/moved.json')),
  );
  await fs.ensureSymlink(at('d/moved.json'), at('d/link'));
  console.log((await fs.readdir(at('d'))).sort(), (await fs.lstat(at('d/link'))).isSymbolicLink());
  await fs.emptyDir(at('d'));
  console.log(
    await fs.readdir(at('d')),
    (await fs.readJson(at('nope.json')).catch((error) => error)).code,
  );
  await fs.remove(root);
  console.log(fs.existsSync(root));
})();
