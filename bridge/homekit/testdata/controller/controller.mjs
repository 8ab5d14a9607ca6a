// A controller that does what it is told, one JSON command a line on standard
// input, and answers one JSON line for each. Events are lines with "event".
//
//   {"do": "pair", "as": "bell", "address": ..., "port": ..., "id": ..., "code": ...}
//   {"do": "image", "as": "bell", "width": ..., "height": ...}
import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import { HttpClient, IPDiscovery } from 'hap-controller';

const clients = new Map();
const say = (line) => process.stdout.write(JSON.stringify(line) + '\n');
const of = (cmd) => clients.get(cmd.as);

// open makes a client that reports the events it hears.
function open(cmd, pairing) {
  const client = new HttpClient(cmd.id, cmd.address, cmd.port, pairing, {
    usePersistentConnections: cmd.persistent ?? true,
  });
  client.on('event', (event) => say({ event, as: cmd.as }));
  clients.set(cmd.as, client);
  return client;
}

const actions = {
  async identify(cmd) {
    await open(cmd).identify();
  },
  async pair(cmd) {
    const client = open(cmd);
    await client.pairSetup(cmd.code);
    return client.getLongTermData();
  },
  // again opens a client of a controller that is paired already.
  async again(cmd) {
    open(cmd, cmd.pairing);
  },
  async accessories(cmd) {
    return of(cmd).getAccessories();
  },
  async read(cmd) {
    return of(cmd).getCharacteristics(cmd.ids, cmd.options ?? {});
  },
  async write(cmd) {
    return of(cmd).setCharacteristics(cmd.values);
  },
  async subscribe(cmd) {
    return of(cmd).subscribeCharacteristics(cmd.ids);
  },
  async image(cmd) {
    const picture = await of(cmd).getImage(cmd.width, cmd.height, 1);
    return {
      bytes: picture.length,
      start: picture.subarray(0, 3).toString('hex'),
      sha256: createHash('sha256').update(picture).digest('hex'),
    };
  },
  // verify counts how often a request right after pair-verify is answered.
  async verify(cmd) {
    for (let n = 0; n < cmd.times; n++) {
      const client = new HttpClient(cmd.id, cmd.address, cmd.port, cmd.pairing);
      await client.getCharacteristics(cmd.ids);
      await client.close();
    }
    return { answered: cmd.times };
  },
  async pairings(cmd) {
    return Object.fromEntries(await of(cmd).listPairings());
  },
  async unpair(cmd) {
    await of(cmd).removePairing(of(cmd).pairingProtocol.iOSDevicePairingID);
  },
  async discover(cmd) {
    const discovery = new IPDiscovery(cmd.iface);
    const found = new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error('not found')), cmd.within).unref();
      const look = (service) => service.id === cmd.id && resolve(service);
      discovery.on('serviceUp', look);
      discovery.on('serviceChanged', look);
    });
    discovery.start();
    try {
      return await found;
    } finally {
      discovery.stop();
    }
  },
};

for await (const text of createInterface({ input: process.stdin })) {
  const cmd = JSON.parse(text);
  try {
    say({ done: cmd.do, result: (await actions[cmd.do](cmd)) ?? null });
  } catch (err) {
    say({ done: cmd.do, error: String(err?.message ?? err), body: err?.body ?? null });
  }
}
for (const client of clients.values()) await client.close();
process.exit(0);
