// Reads playlists with hls-parser in strict mode. usage: node parse-playlists.mjs FILE…; prints one complaint per line.

import { readFile } from 'node:fs/promises';
import HLS from 'hls-parser';

HLS.setOptions({ strictMode: true });
for (const file of process.argv.slice(2)) {
  try {
    HLS.parse(await readFile(file, 'utf8'));
  } catch (error) {
    console.log(`${file}: ${error.message}`);
  }
}
