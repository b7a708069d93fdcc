// Opens a page and takes two screenshots of every video on it. usage: node page.mjs URL SCREENSHOT.png; prints JSON.

import { chromium } from 'playwright-core';

const [url, screenshot] = process.argv.slice(2);
const origin = new URL(url).origin;
const seen = { foreign: [], errors: [], videos: [] };

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required', '--disable-background-networking'],
});
try {
  const page = await browser.newPage({ viewport: { width: 1100, height: 900 } });
  page.on('request', (r) => /^https?:/.test(r.url()) && new URL(r.url()).origin !== origin && seen.foreign.push(r.url()));
  page.on('pageerror', (e) => seen.errors.push(String(e)));
  await page.goto(url);
  await page.waitForFunction(() => {
    const videos = [...document.querySelectorAll('video')];
    return videos.length > 0 && videos.every((v) => v.currentTime > 1 && v.videoWidth > 0);
  }, null, { timeout: 30_000 }).catch((e) => seen.errors.push(String(e).slice(0, 200)));
  await page.screenshot({ path: screenshot });
  const shots = async () => Promise.all((await page.locator('video').all()).map((v) => v.screenshot()));
  const first = await shots();
  await page.waitForTimeout(700);
  const second = await shots();
  // Chromium itself decodes the two PNG files and counts.
  for (let i = 0; i < first.length; i++) {
    seen.videos.push(await page.evaluate(async ([a, b]) => {
      const pixels = async (base64) => {
        const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
        const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
        const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
        const context = canvas.getContext('2d');
        context.drawImage(bitmap, 0, 0);
        return context.getImageData(0, 0, bitmap.width, bitmap.height).data;
      };
      const [before, after] = [await pixels(a), await pixels(b)];
      let changedPixels = 0;
      const colours = new Set();
      for (let p = 0; p < after.length; p += 4) {
        const distance = Math.abs(before[p] - after[p]) + Math.abs(before[p + 1] - after[p + 1]) + Math.abs(before[p + 2] - after[p + 2]);
        if (distance > 48) changedPixels++;
        colours.add((after[p] >> 4) * 256 + (after[p + 1] >> 4) * 16 + (after[p + 2] >> 4));
      }
      return { pixels: after.length / 4, changedPixels, colours: colours.size, moves: changedPixels > 200 };
    }, [first[i].toString('base64'), second[i].toString('base64')]));
  }
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify(seen) + '\n');
