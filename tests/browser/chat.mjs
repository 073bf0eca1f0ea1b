// Goal: the chat page in a real browser: two people talk, one of them on a phone; the page shows that the connection is
// lost when its worker is killed, connects again by itself, and shows no text as markup. Screenshots stay beside it.
import assert from 'node:assert/strict';
import { fits, launch, newFolder, newPage, serve } from './harness.mjs';

const server = await serve(newFolder(), 2, `[pool main]
workers = 2
[service chat-web]
plugin = chat-web
listen = tcp://127.0.0.1:0
mount = /chat
`);

const pids = () => [...JSON.stringify(server.ctl('workers')).matchAll(/"pid":(\d+)/g)].map(match => Number(match[1]));

let browser;
try {
  browser = await launch();
  const faults = [];
  const join_as = async (name, viewport, colorScheme) => {
    const page = await newPage(browser, faults, viewport, colorScheme);
    await page.goto(server.url('chat-web') + '/chat');
    await page.getByLabel('Your name').fill(name);
    await page.getByRole('button', { name: 'Join the room' }).click();
    await page.getByText(`Connected as ${name}`).waitFor();
    return page;
  };
  const say = async (page, text) => {
    await page.getByPlaceholder('Message').fill(text);
    await page.getByRole('button', { name: 'Send' }).click();
  };
  const ada = await join_as('Ada', { width: 1100, height: 700 }, 'light');
  const bob = await join_as('Bob', { width: 320, height: 640 }, 'dark');
  await say(ada, 'hello <b>all</b>');
  await bob.getByText('hello <b>all</b>').waitFor();
  await say(bob, '/msg Ada psst');
  await ada.getByText('psst').waitFor();
  assert.equal(await fits(bob), true, 'it fits a phone');
  await ada.screenshot({ path: 'chat.png' });
  await bob.screenshot({ path: 'chat-phone.png' });

  for (const pid of pids()) process.kill(pid, 'SIGKILL');
  await ada.getByText('Connection lost').waitFor();
  await ada.screenshot({ path: 'chat-lost.png' });
  await ada.getByText('Connected as Ada').waitFor();
  await bob.getByText('Connected as Bob').waitFor();
  await say(ada, 'here again');
  await bob.getByText('here again').waitFor();
  assert.equal(await bob.getByText('hello <b>all</b>').count(), 1, 'nothing is shown twice');
  assert.deepEqual(faults, []);
  console.log('the page works');
} finally {
  await browser?.close();
  await server.remove();
}
