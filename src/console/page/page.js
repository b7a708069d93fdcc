'use strict';

const LIST_EVERY = 3000; // ms
const RETRY_AFTER = 1500; // ms
const JOURNAL_LENGTH = 100;

const byId = (id) => document.getElementById(id);
const video = byId('video');

/** The playing endpoint's player, with one face for hls.js and dash.js; null when nothing plays. */
let session = null;
/** The list as it was last drawn, to redraw only what changed. */
let drawn = '';
let endpoints = [];

/* The list of channels. */

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function endpointButton(endpoint) {
  const button = element('button');
  button.type = 'button';
  button.dataset.guid = endpoint.guid;
  button.disabled = !endpoint.playable;
  button.append(element('span', endpoint.format, 'badge'));
  const words = element('span', endpoint.id);
  words.append(element('span', endpoint.detail, 'detail'));
  button.append(words);
  button.addEventListener('click', () => { location.hash = endpoint.guid; });
  return button;
}

function drawList(overview) {
  byId('version').textContent = overview.version;
  byId('empty').hidden = overview.channels.length > 0;
  const list = byId('channels');
  list.replaceChildren();
  for (const channel of overview.channels) {
    const item = element('li');
    item.append(element('h2', channel.id));
    const inner = element('ul');
    for (const endpoint of channel.endpoints) {
      const line = element('li');
      line.append(endpointButton(endpoint));
      inner.append(line);
    }
    if (channel.endpoints.length === 0) inner.append(element('li', 'no endpoints', 'none'));
    item.append(inner);
    list.append(item);
  }
  endpoints = overview.channels.flatMap((channel) => channel.endpoints);
}

async function refreshList() {
  const server = byId('server');
  try {
    const answer = await fetch('channels.json', { cache: 'no-store' });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const text = await answer.text();
    server.textContent = 'running';
    server.className = 'good';
    if (text !== drawn) {
      drawn = text;
      drawList(JSON.parse(text));
      choose();
    }
  } catch (error) {
    server.textContent = 'not reachable';
    server.className = 'bad';
  }
  setTimeout(refreshList, LIST_EVERY);
}

/** Plays the endpoint that the address names, or else the first that can play. */
function choose() {
  const wanted = location.hash.slice(1);
  const playable = endpoints.filter((endpoint) => endpoint.playable);
  const chosen = playable.find((endpoint) => endpoint.guid === wanted) || (wanted ? undefined : playable[0]);
  for (const button of document.querySelectorAll('#channels button')) {
    button.setAttribute('aria-current', String(Boolean(chosen) && button.dataset.guid === chosen.guid));
  }
  if (!chosen) {
    stop();
    say(playable.length ? 'Choose an endpoint.' : 'Nothing to play yet.');
  } else if (!session || session.endpoint.path !== chosen.path || session.endpoint.guid !== chosen.guid) {
    start(chosen);
  }
}

/* Players. A player is { stop(), latency(), date(), bitrate() }; numbers are seconds, dates and bit/s, or null. */

function hlsPlayer(url, failed) {
  const hls = new Hls({ liveSyncDurationCount: 3, enableWorker: true });
  hls.on(Hls.Events.ERROR, (_, data) => failed(`${data.type}: ${data.details}${data.sourceBufferName ? ` (${data.sourceBufferName})` : ''}`, data.fatal, data.response && data.response.code));
  hls.loadSource(url);
  hls.attachMedia(video);
  return {
    name: 'hls.js ' + Hls.version,
    stop: () => hls.destroy(),
    date: () => hls.playingDate,
    latency: () => hls.latency || null,
    bitrate: () => (hls.levels[hls.currentLevel] || {}).bitrate || null,
  };
}

function dashPlayer(url, failed) {
  const player = dashjs.MediaPlayer().create();
  player.updateSettings({
    debug: { logLevel: dashjs.Debug.LOG_LEVEL_NONE },
    // The clock of an outside host is nobody's business.
    streaming: { utcSynchronization: { enabled: false } },
  });
  const onError = ({ error }) => failed(`${error.code}: ${error.message}`, true, error.data && error.data.response && error.data.response.status);
  player.on(dashjs.MediaPlayer.events.ERROR, onError);
  player.initialize(video, url, true);
  const ready = () => player.isReady() && video.readyState > 0;
  return {
    name: 'dash.js ' + dashjs.Version,
    stop: () => { player.off(dashjs.MediaPlayer.events.ERROR, onError); player.reset(); },
    date: () => (ready() && player.isDynamic() ? new Date(player.timeAsUTC() * 1000) : null),
    latency: () => (ready() && player.isDynamic() ? player.getCurrentLiveLatency() : null),
    bitrate: () => {
      const shown = ready() && player.getCurrentRepresentationForType('video');
      return (shown && shown.bitrateInKbit * 1000) || null;
    },
  };
}

function stop() {
  if (!session) return;
  clearTimeout(session.retry);
  video.pause();
  if (session.player) session.player.stop();
  video.removeAttribute('src');
  video.load();
  session = null;
}

function start(endpoint) {
  stop();
  byId('events').replaceChildren();
  session = { endpoint, stalls: 0, errors: 0, hasPlayed: false, played: 0, lastTime: 0, begun: performance.now(), player: null, retry: 0 };
  const url = byId('url');
  url.href = endpoint.path;
  url.textContent = url.href;
  byId('address').hidden = false;
  open(session);
}

function open(own) {
  const make = own.endpoint.format === 'DASH' ? dashPlayer : hlsPlayer;
  const failed = (text, fatal, status) => {
    if (session !== own) return;
    // Until the first picture an absent manifest only means that nothing was pushed yet.
    const waiting = !own.hasPlayed && (status === 404 || status === 503);
    if (!waiting) {
      own.errors += 1;
      note(`${fatal ? 'fatal ' : ''}error ${text}`);
    }
    if (!fatal || own.retry) return;
    say(waiting ? 'Waiting for the channel’s first segments…' : `Stopped (${text}). Trying again…`);
    own.retry = setTimeout(() => {
      if (session !== own) return;
      own.retry = 0;
      own.player.stop();
      open(own);
    }, RETRY_AFTER);
  };
  if (!own.hasPlayed) say('Loading…');
  own.player = make(own.endpoint.path, failed);
  note(`${own.player.name} opens ${own.endpoint.path}`);
}

// Not earlier: dash.js refreshes its manifest only if it has seen the 'play' event.
video.addEventListener('canplay', () => {
  if (session && !session.hasPlayed) video.play().catch(() => say('Press play.'));
});
video.addEventListener('playing', () => {
  if (!session) return;
  if (!session.hasPlayed) note(`first picture after ${Math.round(performance.now() - session.begun)} ms`);
  session.hasPlayed = true;
  say('');
});
video.addEventListener('waiting', () => {
  if (!session || !session.hasPlayed || video.seeking) return;
  session.stalls += 1;
  note('stall');
});
video.addEventListener('resize', () => { if (video.videoWidth) note(`picture is now ${video.videoWidth} × ${video.videoHeight}`); });

/* Figures and words. */

function say(text) {
  byId('message').textContent = text;
  byId('message').hidden = text === '';
}

function note(text) {
  const events = byId('events');
  events.prepend(element('li', `${new Date().toISOString().slice(11, 23)} ${text}`));
  while (events.children.length > JOURNAL_LENGTH) events.lastChild.remove();
}

function show(id, text, bad) {
  const figure = byId(id);
  if (figure.textContent !== text) figure.textContent = text;
  figure.classList.toggle('bad', Boolean(bad));
}

const seconds = (number) => (Number.isFinite(number) ? `${number.toFixed(1)} s` : '–');

function bufferAhead() {
  for (let range = 0; range < video.buffered.length; range += 1) {
    if (video.buffered.start(range) <= video.currentTime + 0.1 && video.currentTime <= video.buffered.end(range)) {
      return video.buffered.end(range) - video.currentTime;
    }
  }
  return 0;
}

/** Counts what was really shown: seeks, and the jump to the live edge at the start, are not played time. */
function countPlayed() {
  const step = video.currentTime - session.lastTime;
  if (session.hasPlayed && step > 0 && step < 1) session.played += step;
  session.lastTime = video.currentTime;
}

function showFigures() {
  const player = session && session.player;
  if (session) countPlayed();
  const state = !session ? 'idle' : video.paused ? 'paused' : video.readyState < 3 ? 'buffering' : 'playing';
  show('state', state);
  show('format', session ? session.endpoint.format : '–');
  show('resolution', video.videoWidth ? `${video.videoWidth} × ${video.videoHeight}` : '–');
  const bitrate = player && player.bitrate();
  show('bitrate', bitrate ? `${Math.round(bitrate / 1000)} kbit/s` : '–');
  const date = player && player.date();
  show('clock', date && !Number.isNaN(date.getTime()) ? date.toISOString().slice(11, 21) : '–');
  show('latency', player ? seconds(player.latency() ?? NaN) : '–');
  show('buffer', session ? seconds(bufferAhead()) : '–');
  show('played', session ? seconds(session.played) : '–');
  show('stalls', String(session ? session.stalls : 0), session && session.stalls > 0);
  const dropped = video.getVideoPlaybackQuality ? video.getVideoPlaybackQuality().droppedVideoFrames : 0;
  show('dropped', String(dropped));
  show('errors', String(session ? session.errors : 0), session && session.errors > 0);
}

byId('copy').addEventListener('click', async () => {
  await navigator.clipboard.writeText(byId('url').href);
  byId('copy').textContent = 'Copied';
  setTimeout(() => { byId('copy').textContent = 'Copy'; }, 1200);
});
window.addEventListener('hashchange', choose);
setInterval(showFigures, 250);
refreshList();
