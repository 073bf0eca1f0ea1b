// Goal: the dashboard in a real browser: it shows the workers and what becomes of them, takes orders with the right token
// only, fits a phone, can be used by keyboard, and says so when the server is gone. Screenshots stay beside it.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fits, launch, newFolder, newPage, serve, until } from './harness.mjs';

const folder = newFolder();
const token = 'a-token-for-the-test';
writeFileSync(join(folder, 'token'), token + '\n', { mode: 0o600 });
const server = await serve(folder, 5, `[pool main]
workers = 4
[pool admin]
workers = 1
${process.getuid() === 0 ? 'user = root' : ''}
master-access = operate
[service hello]
plugin = hello
listen = tcp://127.0.0.1:0
[service echo]
plugin = echo
listen = tcp://127.0.0.1:0
listen = udp://127.0.0.1:0
[service admin]
plugin = admin
pool = admin
listen = tcp://127.0.0.1:0
mount = /watch
token-file = ${join(folder, 'token')}
`);

const { ctl } = server;
let browser;
try {
  const hello = server.url('hello');
  const load = setInterval(() => {
    const ask = (path, method = 'GET') => fetch(hello + path, { method }).then(answer => answer.text()).catch(() => {});
    for (let i = 0; i < 20; ++i) ask('/');
    ask('/no/such');
    ask('/', 'BREW');  // 501
  }, 100);
  const url = server.url('admin') + '/watch';
  browser = await launch();
  const faults = [];
  const open = async (viewport, colorScheme) => {
    const page = await newPage(browser, faults, viewport, colorScheme);
    page.on('request', request => request.url().startsWith(url) || request.url().startsWith('data:') || faults.push(request.url()));
    await page.goto(url);
    await page.getByText('running', { exact: true }).waitFor();
    return page;
  };
  const page = await open({ width: 1200, height: 1000 }, 'light');
  const phone = await open({ width: 340, height: 760 }, 'dark');
  const dark = await open({ width: 1200, height: 1000 }, 'dark');
  for (const place of [0, 1, 2, 3]) await page.getByText(`main/${place}`, { exact: true }).waitFor();
  await page.getByText(`pid ${ctl('workers').workers.find(w => w.pool === 'main').pid} · gen 1`).waitFor();
  await page.getByText(/is ready/).first().waitFor();
  assert.equal(await fits(phone), true, 'it fits a phone');

  // Orders: by keyboard, with a wrong token, with the right one.
  await page.getByRole('button', { name: 'One worker more in pool main' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('textbox', { name: 'Token' }).fill('not the right one');
  await page.keyboard.press('Enter');
  await page.getByText('That token is not the right one.').waitFor();
  assert.equal(ctl('status').pools.find(pool => pool.name === 'main').target, 4);
  await page.getByRole('button', { name: 'One worker more in pool main' }).click();
  await page.getByRole('textbox', { name: 'Token' }).fill(token);
  await page.screenshot({ path: 'admin-token.png' });
  await page.getByRole('button', { name: 'Use it' }).click();
  await page.getByText('main/4', { exact: true }).waitFor();
  await page.getByText(/4 -> 5 workers/).first().waitFor();

  const victim = ctl('workers').workers.find(worker => worker.pool === 'main').pid;
  process.kill(victim, 'SIGKILL');
  await page.getByText(new RegExp(`pid ${victim}, .*SIGKILL`)).waitFor();
  await page.getByLabel('Show').selectOption('2');
  await page.getByText(/is ready/).first().waitFor({ state: 'hidden' });
  await page.getByLabel('Show').selectOption('0');

  // What the load looks like, errors at a glance.
  const figure = name => page.locator('.figure').filter({ has: page.getByText(name, { exact: true }) });
  await until('a curve', async () => (await figure('Requests/s').locator('.line').getAttribute('d')).split('L').length > 5);
  await until('a latency', async () => /^[0-9.]+ .?s$/.test(await figure('Latency, p99').locator('.value').textContent()));
  await until('the share of errors', async () => /^[1-9][0-9.]* %$/.test(await figure('Errors, 5xx').locator('.value').textContent()));
  await until('that it is alarming', async () => (await figure('Errors, 5xx').getAttribute('class')).includes('alarm'));
  const cells = page.locator('#services tr').filter({ hasText: hello.replace('http://', '') }).locator('td');
  await until('errors of the service', async () => (await cells.allTextContents()).slice(1, 4).every(text => /^[1-9][0-9.]*( %)?$/.test(text)));
  assert.equal(await page.locator('#services tr').filter({ hasText: 'echo' }).locator('.alarm').count(), 0);
  for (const [name, one] of [['admin', page], ['admin-dark', dark], ['admin-phone', phone]]) {
    await one.screenshot({ path: name + '.png', fullPage: true });
  }
  // A reload replaces the worker that feeds the page; it comes back by itself.
  await page.getByRole('button', { name: 'Reload', exact: true }).click();
  await page.getByText(/generation 2 /).first().waitFor();
  await page.getByText('running', { exact: true }).waitFor();
  clearInterval(load);

  server.stop();
  await page.getByText(/connection lost|stopping/).waitFor();
  await server.ended;
  await page.getByText('connection lost').waitFor();
  await page.screenshot({ path: 'admin-lost.png' });
  assert.deepEqual(faults, []);
  console.log('the dashboard works');
} finally {
  await browser?.close();
  await server.remove();
}
process.exit(0);
