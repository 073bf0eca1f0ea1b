// What the tests of pages share.
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const build = process.argv[2];

// Waits until `check` gives something that is true; what it throws is "not yet".
export const until = async (what, check) => {
  for (const end = Date.now() + 15000; Date.now() < end;) {
    try {
      const result = await check();
      if (result) return result;
    } catch { /* not yet */ }
    await new Promise(done => setTimeout(done, 50));
  }
  throw new Error(`not in time: ${what}`);
};

// Debian's chromium, without what it would fetch by itself.
export const launch = () => chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});

// A folder for a server and its files. Workers of root's are nobody's, and may look into it.
export const newFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'prefork-browser-'));
  chmodSync(folder, 0o755);
  return folder;
};

// A server in `folder` with these sections of a configuration, ready with so many workers.
export const serve = async (folder, workers, sections) => {
  const control = join(folder, 'control.sock'), log = join(folder, 'log'), config = join(folder, 'prefork.conf');
  writeFileSync(config, `[master]\ncontrol = ${control}\npid-file = ${join(folder, 'master.pid')}\nlog = ${log}\n${sections}`);
  const master = spawn(join(build, 'bin/prefork-master'), ['-c', config], { stdio: 'ignore' });
  const ended = new Promise(done => master.once('exit', done));
  const server = {
    ended,
    // What preforkctl answers.
    ctl: (...words) => JSON.parse(execFileSync(join(build, 'bin/preforkctl'), ['-s', control, '--json', ...words],
      { stdio: ['ignore', 'pipe', 'ignore'] })),
    // Where a service listens, as "http://HOST:PORT".
    url: name => 'http://' + readFileSync(log, 'utf8').match(new RegExp(`${name} listens on tcp://(\\S+)`))[1],
    stop: () => master.kill('SIGTERM'),
    // At the end of the test.
    remove: async () => {
      master.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
  try {
    await until('all workers', () => readFileSync(log, 'utf8').match(/is ready/g)?.length >= workers);
  } catch (error) {
    await server.remove();
    throw error;
  }
  return server;
};

// A page of a context of its own. What no page may do goes to `faults`: exceptions, dialogs, violations of its
// Content-Security-Policy.
export const newPage = async (browser, faults, viewport, colorScheme) => {
  const page = await (await browser.newContext({ viewport, colorScheme })).newPage();
  page.on('pageerror', error => faults.push(String(error)));
  page.on('dialog', dialog => { faults.push(dialog.message()); dialog.dismiss(); });
  page.on('console', message => message.text().includes('Content Security Policy') && faults.push(message.text()));
  return page;
};

// Whether nothing of the page is beside the screen.
export const fits = page => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
