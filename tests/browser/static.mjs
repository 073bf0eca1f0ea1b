// Goal: a site of the service `static` in a real browser: an application with its deep links, a page for what is missing, a
// listing of odd names that fits a phone, compressed text, reloads that cost a 304, and sound that can be sought in.
// Screenshots stay beside it.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { fits, launch, newFolder, newPage, serve, until } from './harness.mjs';

const folder = newFolder();
const accesses = join(folder, 'access.log');

// An hour old, so that their ETags are strong and the browser may keep them.
const write = (path, content) => {
  const whole = Buffer.concat([Buffer.from(folder + '/'), Buffer.from(path)]);
  writeFileSync(whole, content);
  utimesSync(whole, Date.now() / 1000 - 3600, Date.now() / 1000 - 3600);
};
const silence = seconds => {
  const bytes = 48000 * 4 * seconds;
  const head = Buffer.from('RIFF....WAVEfmt ................data....');
  const fields = { 4: bytes + 36, 16: 16, 24: 48000, 28: 48000 * 4, 40: bytes };
  const wav = Buffer.concat([head, Buffer.alloc(4 + bytes)]);
  for (const [at, value] of Object.entries(fields)) wav.writeUInt32LE(value, Number(at));
  for (const [at, value] of Object.entries({ 20: 1, 22: 2, 32: 4, 34: 16 })) wav.writeUInt16LE(value, Number(at));
  wav.write('data', 36);
  return wav;
};
const filler = '/* ' + 'as long as it takes to be worth it, '.repeat(100) + ' */\n';
const script = filler + `
  const user = location.pathname.match(/^\\/users\\/(\\d+)$/);
  document.querySelector('h1').textContent = user ? 'User ' + user[1] : 'Home';`;
for (const one of ['app', 'files', 'files/sub folder', 'files/Zoo', 'files/empty']) mkdirSync(join(folder, one));
write('app/index.html', `<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>An application</title>
  <meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><link rel="stylesheet" href="/style.css">
  <h1></h1><p><img src="/picture.svg" alt="A square" width="80"></p><p><a href="/users/7">Seven</a></p>
  <audio id="sound" src="/sound.wav" preload="metadata" controls></audio><script src="/app.js"></script></html>`);
write('app/style.css', filler + 'h1 { color: rgb(0, 128, 0); font-family: sans-serif; }');
write('app/app.js', script);
write('app/app.js.br', brotliCompressSync(script));
write('app/picture.svg', '<svg xmlns="http://www.w3.org/2000/svg" width="80" height="80"><rect width="80" height="80" fill="#08c"/></svg>');
write('app/sound.wav', silence(100));
write('app/404.html', '<!DOCTYPE html><title>Lost</title><h1>Nothing here</h1>');
write('files/404.html', '<!DOCTYPE html><title>Lost</title><link rel="icon" href="data:,"><h1>Nothing here</h1>');
write('files/.secret', 'secret');
write('files/sub folder/inner.txt', 'inner');
// Name as bytes, and as it is shown.
const odd = ['<b>.txt', 'a b&c.txt', '"both" \'quotes\'.txt', '100%25.txt', 'what?.txt', 'a#b.txt', 'javascript:alert(1).txt',
  '<img src=x onerror=alert(1)>.txt', '\u00fcn\u00efc\u00f6de \u6f22\u5b57.txt', '&amp;.txt', 'Big.txt', 'z'.repeat(240) + '.txt']
  .map(name => [Buffer.from(name), name]);
odd.push([Buffer.from('two\nlines.txt'), 'two\ufffdlines.txt'], [Buffer.from('latin \xe9.txt', 'latin1'), 'latin \ufffd.txt']);
for (const [name, shown] of odd) {
  write(Buffer.concat([Buffer.from('files/'), name]), name.equals(Buffer.from('Big.txt')) ? 'B'.repeat(70000) : `This is ${shown}.`);
}
odd.push([Buffer.from('404.html'), '404.html']);
odd.sort(([a], [b]) => Buffer.compare(a, b));

const server = await serve(folder, 2, `[pool main]
workers = 2
[service app]
plugin = static
listen = tcp://127.0.0.1:0
root = ${folder}/app
try = index.html
not-found = 404.html
cache-control = no-cache
access-log = ${accesses}
access-log-format = %s %U
[service files]
plugin = static
listen = tcp://127.0.0.1:0
root = ${folder}/files
mount = /files
listing = on
not-found = 404.html
[service bare]
plugin = static
listen = tcp://127.0.0.1:0
root = ${folder}/files/sub folder
`);

let browser;
try {
  const app = server.url('app'), files = server.url('files') + '/files/', bare = server.url('bare');
  browser = await launch();
  const faults = [];
  const open = (viewport, colorScheme) => newPage(browser, faults, viewport, colorScheme);
  const desktop = { width: 1100, height: 900 };

  // The application: its parts as the browser sees them.
  const page = await open(desktop, 'light');
  const answers = new Map();
  page.on('response', answer => answers.set(new URL(answer.url()).pathname, answer));
  await page.goto(app + '/');
  await page.getByRole('heading', { name: 'Home' }).waitFor();
  assert.equal(await page.evaluate(() => getComputedStyle(document.querySelector('h1')).color), 'rgb(0, 128, 0)');
  await page.waitForFunction(() => document.querySelector('img').naturalWidth === 80);
  const seen = async path => (await until(path, () => answers.get(path))).allHeaders();
  for (const [path, type, coding] of [
    ['/', 'text/html; charset=utf-8'], ['/style.css', 'text/css; charset=utf-8', 'gzip'],
    ['/app.js', 'text/javascript; charset=utf-8', 'br'], ['/picture.svg', 'image/svg+xml']]) {
    const headers = await seen(path);
    assert.equal(headers['content-type'], type, path);
    assert.equal(headers['content-encoding'], coding, path);
    assert.equal(headers['cache-control'], 'no-cache', path);
    if (coding) assert.match(headers.vary, /accept-encoding/i, path);
    assert.match(headers.etag, /^(W\/)?"[^"]+"$/, path);
    assert.match(headers['last-modified'], / GMT$/, path);
  }
  await page.screenshot({ path: 'static-app.png' });

  // A reload asks whether anything is new; nothing is, and the page is there all the same.
  const told = line => readFileSync(accesses, 'utf8').split('\n').filter(one => one === line).length;
  await page.reload();
  for (const path of ['/', '/style.css', '/app.js', '/picture.svg']) {
    await until(`a 304 for ${path}`, () => told(`304 ${path}`) === 1);
    assert.equal(told(`200 ${path}`), 1, path);
  }
  await page.getByRole('heading', { name: 'Home' }).waitFor();
  write('app/style.css', 'h1 { color: rgb(200, 0, 0); }');
  await until('the new style', async () => {
    await page.reload();
    return await page.evaluate(() => getComputedStyle(document.querySelector('h1')).color) === 'rgb(200, 0, 0)';
  });

  // Deep links: followed, entered, reloaded, gone back from. A script that is missing is no page of the application.
  await page.getByRole('link', { name: 'Seven' }).click();
  await page.getByRole('heading', { name: 'User 7' }).waitFor();
  assert.equal((await page.goto(app + '/users/12')).status(), 200);
  await page.getByRole('heading', { name: 'User 12' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'User 12' }).waitFor();
  await page.goBack();
  await page.getByRole('heading', { name: 'User 7' }).waitFor();
  assert.deepEqual(await page.evaluate(async () => {
    const answer = await fetch('/missing.js');
    return [answer.status, (await answer.text()).includes('Nothing here')];
  }), [404, true]);

  // Parts: of a file by fetch(), and of a sound in which the listener jumps ahead.
  assert.deepEqual(await page.evaluate(async () => {
    const answer = await fetch('/picture.svg', { headers: { Range: 'bytes=1-3' }, cache: 'no-store' });
    return [answer.status, answer.headers.get('Content-Range').replace(/\d+$/, 'N'), await answer.text()];
  }), [206, 'bytes 1-3/N', 'svg']);
  const parts = [];
  page.on('response', answer => answer.url().endsWith('/sound.wav') && parts.push(answer));
  await page.goto(app + '/');
  const sound = page.locator('#sound');
  await page.waitForFunction(() => document.querySelector('#sound').readyState >= 1);
  assert.equal(await sound.evaluate(one => one.duration), 100);
  assert.equal(await sound.evaluate(one => one.seekable.end(0)), 100);
  await sound.evaluate(one => new Promise(done => {
    one.onseeked = done;
    one.currentTime = 90;
  }));
  assert.equal(await sound.evaluate(one => one.currentTime), 90);
  await until('a part from the middle', async () => {
    for (const part of parts) {
      const range = (await part.allHeaders())['content-range']?.match(/^bytes (\d+)-/);
      if (part.status() === 206 && Number(range?.[1]) > 10e6) return true;
    }
  });

  // The listing: each name as it is, in order, and each link leads to its file.
  const listing = await open(desktop, 'light');
  const dark = await open(desktop, 'dark');
  const phone = await open({ width: 340, height: 760 }, 'dark');
  const rows = ['Zoo/', 'empty/', 'sub folder/', ...odd.map(([, shown]) => shown)];
  for (const [name, one] of [['static-listing', listing], ['static-listing-dark', dark], ['static-listing-phone', phone]]) {
    const answer = await one.goto(files);
    assert.equal(answer.status(), 200);
    assert.deepEqual(await one.getByRole('link').evaluateAll(links => links.map(link => link.textContent)), rows);
    assert.equal(await one.locator('b, img, script').count(), 0, 'no name is markup');
    assert.equal(await fits(one), true, name);
    await one.screenshot({ path: name + '.png', fullPage: true });
  }
  assert.equal(await listing.getByText('68.4 KiB').count(), 1);
  const background = one => one.evaluate(() => {
    const canvas = document.createElement('div');
    canvas.style.color = 'canvas';
    document.body.append(canvas);
    const color = getComputedStyle(canvas).color;
    canvas.remove();
    return color;
  });
  assert.notEqual(await background(dark), await background(listing), 'the page is dark where the browser is');
  for (const row of await phone.getByRole('link').all()) {
    assert.ok((await row.boundingBox()).height >= 24, 'a finger hits it');
  }
  for (const [, shown] of odd.filter(([, name]) => name.endsWith('.txt') && name !== 'Big.txt')) {
    await phone.getByRole('link', { name: shown, exact: true }).click();
    await phone.getByText(`This is ${shown}.`, { exact: true }).waitFor();
    await phone.goBack();
    await phone.getByRole('heading', { name: '/files/', exact: true }).waitFor();
  }
  await listing.getByRole('link', { name: 'sub folder/' }).focus();
  await listing.keyboard.press('Enter');
  await listing.getByRole('heading', { name: '/files/sub folder/' }).waitFor();
  await listing.getByRole('link', { name: 'inner.txt' }).waitFor();
  await listing.getByRole('link', { name: '../' }).click();
  await listing.getByRole('link', { name: 'empty/' }).click();
  await listing.getByText('This folder is empty.').waitFor();
  await listing.screenshot({ path: 'static-empty.png' });
  await listing.goto(files + 'Zoo');
  assert.equal(listing.url(), files + 'Zoo/', 'a folder has its slash');

  // What there is not.
  for (const path of ['.secret', 'nope', 'nope/', 'sub%20folder/..%2f404.html']) {
    assert.equal((await listing.goto(files + path)).status(), 404, path);
    await listing.getByRole('heading', { name: 'Nothing here' }).waitFor();
  }
  assert.equal((await phone.goto(bare + '/')).status(), 404);
  await phone.getByRole('heading', { name: '404 Not Found' }).waitFor();
  assert.equal(await fits(phone), true);
  await phone.screenshot({ path: 'static-missing.png' });
  assert.deepEqual(faults, []);
  console.log('the site works');
} finally {
  await browser?.close();
  await server.remove();
}
process.exit(0);
