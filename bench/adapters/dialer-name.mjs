// node dialer-name.mjs NAME: prints the name of a host that dials the host NAME.
//
// Names decide who dials: the host for which XXH3 of its own name and the other one's, joined, is the smaller number
// (lib/endpoint/peers/who-dials.ts). A process of its own, since hash-wasm would add 0.5 MB to the heap of the host
// that is measured.
import { xxhash3 } from 'hash-wasm';

const [, , server] = process.argv;
for (let last = 1; ; last++) {
  const name = `http://127.0.0.${last}:9`;
  // As 16 hexadecimal digits: the order of the texts is that of the numbers.
  if ((await xxhash3(name + server)) < (await xxhash3(server + name))) {
    console.log(name);
    break;
  }
}
