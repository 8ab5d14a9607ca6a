// Runs the browser tests: the pages on fixtures, then the owner's walk through
// a real hub, on a desktop in light colours and on a phone in dark ones. A spec
// that fails is run once more; "FLAKY" says so.
//
//   node run.mjs PATH-OF-gatehouse
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { demo } from "./demo.mjs";

const hub = process.argv[2];
const here = fileURLToPath(new URL(".", import.meta.url));

/** Runs node's test runner on a file; resolves to what failed first, or to nothing. */
function test(file, env) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ["--test", "--test-reporter=spec", join(here, file)], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, ...env },
    });
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      process.stdout.write(text);
      said += text;
    });
    // "close" comes after all that it said, "exit" may come before.
    child.on("close", (code) => resolve(code === 0 ? undefined : firstError(said)));
  });
}

/** What the spec reporter tells of the first test that failed: it lists them all at its end. */
function firstError(said) {
  const list = said.slice(said.lastIndexOf("failing tests:")).split("\n").map((line) => line.trim()).filter(Boolean);
  return list.slice(1, 6).join("\n  ") || "it ended without a word";
}

const flaky = [];
let failed = false;

/**
 * Runs a spec, and once more if it fails: a machine that is busy elsewhere may lose
 * a browser for longer than any patience. What fails twice has failed; what
 * fails once is told aloud, so that it is not forgotten.
 */
async function spec(name, run) {
  for (const again of [false, true]) {
    const error = await run(again).catch((e) => e.stack);
    if (!error) return;
    const line = `${again ? "FAILED TWICE" : "FLAKY"} ${name}\n  ${error}`;
    console.log(`\n${"=".repeat(72)}\n${line}\n${"=".repeat(72)}\n`);
    if (again) failed = true;
    else flaky.push(line);
  }
}

/** Starts a program and answers with its first line that matches. */
async function start(command, args, env, stream, match) {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ["ignore", stream === "stdout" ? "pipe" : "ignore", stream === "stderr" ? "pipe" : "inherit"] });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  for await (const line of createInterface({ input: child[stream] })) {
    const found = line.match(match);
    if (found) {
      child[stream].resume();
      return { found, stop: () => (child.kill("SIGINT"), ended) };
    }
  }
  throw new Error(`${command} ended`);
}

/** The walk of somebody who sets a hub up. */
async function setUp() {
  const folder = await mkdtemp(join(tmpdir(), "gatehouse-setup-"));
  const camera = await start(process.env.CONSOLE_TEST, [], { GATEHOUSE_CAMERA_RIG: "1" }, "stdout", /.+/);
  const served = await start(hub, ["serve", "--data", folder, "--listen", "127.0.0.1:0"], {}, "stderr", /Open (\S+)\/setup/);
  try {
    return await test("setup.spec.mjs", { SETUP_URL: served.found[1], SETUP_DATA: folder, CAMERA: camera.found[0] });
  } finally {
    await served.stop();
    await camera.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The owner's walk through a demo hub, which lives on in its folder from one to the next. */
async function walk(data, view, scheme) {
  const { url, pass, stop } = await demo(hub, data);
  try {
    return await test("console.spec.mjs", { CONSOLE_URL: url, CONSOLE_PASSPHRASE: pass, CONSOLE_VIEW: view, CONSOLE_SCHEME: scheme, CONSOLE_HUB: hub, CONSOLE_WORLD: join(data, "world") });
  } finally {
    await stop();
  }
}

const folders = [];
const folder = async () => folders[folders.push(await mkdtemp(join(tmpdir(), "gatehouse-e2e-"))) - 1];

// The first fixture home makes the film that all of them show.
process.env.GATEHOUSE_CONSOLE_FILM = join(await folder(), "film");
await spec("fixture.spec.mjs", () => test("fixture.spec.mjs", {}));
await spec("timeline.spec.mjs", () => test("timeline.spec.mjs", {}));
await spec("area.spec.mjs", () => test("area.spec.mjs", {}));
await spec("cut.spec.mjs", () => test("cut.spec.mjs", {}));
await spec("faults.spec.mjs", () => test("faults.spec.mjs", {}));
await spec("passkey.spec.mjs", () => test("passkey.spec.mjs", {}));
await spec("setup.spec.mjs", setUp);
let data = await folder();
for (const [view, scheme] of [["desktop", "light"], ["phone", "dark"]]) {
  await spec(`console.spec.mjs, ${view}`, async (again) => {
    if (again) data = await folder(); // half a walk is behind the other
    return walk(data, view, scheme);
  });
}
await Promise.all(folders.map((f) => rm(f, { recursive: true, force: true })));
if (flaky.length) console.log(`${flaky.length} of the specs failed at first:\n${flaky.join("\n")}`);
process.exit(failed ? 1 : 0);
