// What the tests of pages share.
import { chromium } from 'playwright-core';

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
