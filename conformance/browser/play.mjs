// Plays live streams in headless Chromium and tells what happened, as JSON on standard output.
// usage: node play.mjs '{"seconds":30,"parallel":3,"plays":[{"name":"…","player":"hls.js|dash.js|shaka","url":"…"}]}'

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const here = dirname(fileURLToPath(import.meta.url));
const { seconds, parallel, plays } = JSON.parse(process.argv[2]);

const files = {
  '/play.html': ['text/html', join(here, 'play.html')],
  '/hls.js': ['text/javascript', join(here, '../node_modules/hls.js/dist/hls.js')],
  '/dash.js': ['text/javascript', join(here, '../node_modules/dashjs/dist/modern/umd/dash.all.debug.js')],
  '/shaka': ['text/javascript', join(here, '../node_modules/shaka-player/dist/shaka-player.compiled.js')],
};

// Runs in the page. Counts what a viewer would notice.
function startInPage({ player, url }) {
  const video = document.getElementById('video');
  const seen = { errors: [], stalls: [], started: null, audioLanguages: [], textLanguages: [] };
  window.seen = seen;
  const error = (text) => seen.errors.push(String(text).slice(0, 300));
  video.addEventListener('error', () => error(`media element: ${video.error?.code} ${video.error?.message}`));
  video.addEventListener('playing', () => (seen.started ??= performance.now()));
  // Players jump a small hole and go on by themselves; a viewer's stall is a picture that stands while it should move.
  video.addEventListener('waiting', () => seen.started && seen.stalls.push(Math.round(performance.now() - seen.started)));

  // TTML is drawn into a place of its own, a line at a time.
  setInterval(() => (window.subtitlesShown = document.getElementById('subtitles').textContent || window.subtitlesShown), 100);

  if (player === 'hls.js') {
    const hls = new Hls();
    hls.on(Hls.Events.ERROR, (_, data) => {
      // A TS segment's sound may begin a frame before its picture: at the start hls.js steps over that.
      if (data.details === 'bufferSeekOverHole' && !data.fatal && video.played.length === 0) return;
      // With an audio group, the first picture segment is appended before any sound: hls.js then says that nothing is
      // buffered yet, of ffmpeg's own HLS files too.
      if (data.details === 'bufferAppendNoProgress' && !data.fatal && video.played.length === 0) return;
      if (data.details === 'bufferStalledError') seen.stalls.push(Math.round(performance.now() - (seen.started ?? 0)));
      else error(`${data.type} ${data.details} fatal=${data.fatal} ${data.response?.code ?? ''} ${data.frag?.url ?? data.url ?? ''} ${data.error?.message ?? ''}`);
    });
    hls.on(Hls.Events.AUDIO_TRACKS_UPDATED, (_, data) => (seen.audioLanguages = data.audioTracks.map((t) => t.lang ?? t.name)));
    hls.on(Hls.Events.SUBTITLE_TRACKS_UPDATED, (_, data) => (seen.textLanguages = data.subtitleTracks.map((t) => t.lang ?? t.name)));
    hls.loadSource(url);
    hls.attachMedia(video);
    video.play().catch(error);
  } else if (player === 'dash.js') {
    const dash = dashjs.MediaPlayer().create();
    dash.updateSettings({ debug: { logLevel: 1 }, streaming: { utcSynchronization: { enabled: false } } });
    for (const name of ['ERROR', 'PLAYBACK_ERROR']) {
      dash.on(dashjs.MediaPlayer.events[name], (e) => error(`${name} ${e.error?.code ?? ''} ${e.error?.message ?? JSON.stringify(e.error)}`));
    }
    dash.on(dashjs.MediaPlayer.events.STREAM_INITIALIZED, () => {
      seen.audioLanguages = dash.getTracksFor('audio').map((t) => t.lang);
      seen.textLanguages = dash.getTracksFor('text').map((t) => t.lang);
    });
    dash.initialize(video, url, true);
    // Where dash.js draws TTML.
    dash.attachTTMLRenderingDiv(document.getElementById('subtitles'));
  } else {
    shaka.polyfill.installAll();
    const shakaPlayer = new shaka.Player();
    shakaPlayer.addEventListener('error', (e) => error(`shaka ${e.detail.code} ${JSON.stringify(e.detail.data)?.slice(0, 200)}`));
    shakaPlayer
      .attach(video)
      .then(() => shakaPlayer.load(url))
      .then(() => {
        seen.audioLanguages = shakaPlayer.getAudioTracks().map((t) => t.language);
        const texts = shakaPlayer.getTextTracks();
        seen.textLanguages = texts.map((t) => t.language);
        if (texts.length) {
          shakaPlayer.selectTextTrack(texts[0]);
          shakaPlayer.setTextTrackVisibility?.(true);
        }
        return video.play();
      })
      .catch((e) => error(`shaka load ${e.code ?? ''} ${e.message ?? JSON.stringify(e.data)}`));
  }
}

function readInPage() {
  const video = document.getElementById('video');
  const quality = video.getVideoPlaybackQuality();
  return {
    ...window.seen,
    currentTime: video.currentTime,
    width: video.videoWidth,
    height: video.videoHeight,
    decodedFrames: quality.totalVideoFrames,
    droppedFrames: quality.droppedVideoFrames,
    decodedAudioBytes: video.webkitAudioDecodedByteCount,
    // Subtitles: what the browser's own text tracks hold, by start time.
    cues: [...video.textTracks].flatMap((track) => [...(track.cues ?? [])].map((cue) => [cue.startTime, cue.endTime, cue.text ?? ''])),
    subtitlesShown: window.subtitlesShown ?? '',
    buffered: video.buffered.length ? [video.buffered.start(0), video.buffered.end(video.buffered.length - 1)] : [],
  };
}

async function play(browser, origin, { name, player, url }) {
  const context = await browser.newContext({ viewport: { width: 660, height: 380 } });
  const result = { name, player, url };
  try {
    const page = await context.newPage();
    page.on('pageerror', (e) => (result.pageError ??= String(e)));
    await page.goto(`${origin}/play.html`);
    await page.addScriptTag({ url: `${origin}/${player}` });
    await page.evaluate(startInPage, { player, url });
    const startBy = Date.now() + 20_000;
    let before = await page.evaluate(readInPage);
    while (before.currentTime === 0 || before.started === null || before.decodedFrames < 5) {
      if (Date.now() > startBy) return { ...result, ...before, problem: 'did not start within 20 s' };
      await page.waitForTimeout(100);
      before = await page.evaluate(readInPage);
    }
    const from = Date.now();
    await page.waitForTimeout(seconds * 1000);
    const after = await page.evaluate(readInPage);
    const wallSeconds = (Date.now() - from) / 1000;
    return {
      ...result,
      ...after,
      wallSeconds,
      playedSeconds: after.currentTime - before.currentTime,
      framesInPlay: after.decodedFrames - before.decodedFrames,
      droppedInPlay: after.droppedFrames - before.droppedFrames,
    };
  } catch (e) {
    return { ...result, problem: String(e).slice(0, 400) };
  } finally {
    await context.close();
  }
}

const server = createServer(async (request, response) => {
  const file = files[request.url];
  if (!file) return response.writeHead(404).end();
  response.writeHead(200, { 'content-type': file[0] }).end(await readFile(file[1]));
});
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const origin = `http://127.0.0.1:${server.address().port}`;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--autoplay-policy=no-user-gesture-required', '--disable-background-networking',
    '--disable-renderer-backgrounding', '--disable-background-timer-throttling', '--disable-backgrounding-occluded-windows'],
});
try {
  const waiting = [...plays];
  const results = [];
  const worker = async () => {
    while (waiting.length) results.push(await play(browser, origin, waiting.shift()));
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  process.stdout.write(JSON.stringify(results, null, 1) + '\n');
} finally {
  await browser.close();
  server.close();
}
