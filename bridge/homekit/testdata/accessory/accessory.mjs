// A video doorbell of hap-nodejs, to show that the tests which hold our own
// accessory hold one that nobody here wrote. It does what it is told, one word a
// line on standard input: "ring" rings.
//
//   node accessory.mjs FOLDER DEVICE-ID CODE
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import hap from '@homebridge/hap-nodejs';

const [folder, id, code] = process.argv.slice(2);
const { Accessory, Categories, DoorbellController, HAPStorage, SRTPCryptoSuites, uuid } = hap;
const picture = readFileSync(`${folder}/picture.jpg`);

HAPStorage.setCustomStoragePath(`${folder}/keys`);
const accessory = new Accessory('Control', uuid.generate('gatehouse.control'));
const doorbell = new DoorbellController({
  cameraStreamCount: 2,
  delegate: {
    handleSnapshotRequest: (request, done) => done(undefined, picture),
    prepareStream: (request, done) => done(new Error('no stream')),
    handleStreamRequest: (request, done) => done(),
  },
  streamingOptions: {
    supportedCryptoSuites: [SRTPCryptoSuites.AES_CM_128_HMAC_SHA1_80],
    video: { codec: { profiles: [0, 1, 2], levels: [0, 1, 2] }, resolutions: [[1280, 720, 30]] },
    audio: { codecs: [{ type: 'OPUS', samplerate: 24 }] },
  },
});
accessory.configureController(doorbell);
await accessory.publish({
  username: id, pincode: code, category: Categories.VIDEO_DOORBELL, port: 0, bind: '127.0.0.1', advertiser: 'ciao',
});
const address = await new Promise((listens) => {
  const look = () => {
    const at = accessory._server?.httpServer?.tcpServer?.address?.();
    if (at) listens(at); else setTimeout(look, 20);
  };
  look();
});
process.stdout.write(JSON.stringify(address) + '\n');
for await (const word of createInterface({ input: process.stdin })) {
  if (word === 'ring') doorbell.ringDoorbell();
}
await accessory.unpublish();
process.exit(0);
