// Runs the browser tests: the pages on fixtures, then the owner's walk through
// a real hub, on a desktop in light colours and on a phone in dark ones.
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

/** Runs node's test runner on a file; its result is the exit code. */
function test(file, env) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ["--test", "--test-reporter=spec", join(here, file)], {
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, ...env },
    });
    child.on("exit", (code) => resolve(code ?? 1));
  });
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

const data = await mkdtemp(join(tmpdir(), "gatehouse-e2e-"));
let failed = await test("fixture.spec.mjs", {});
failed |= await test("timeline.spec.mjs", {});
failed |= await setUp();
try {
  for (const [view, scheme] of [["desktop", "light"], ["phone", "dark"]]) {
    const { url, pass, stop } = await demo(hub, data);
    failed |= await test("console.spec.mjs", {
      CONSOLE_URL: url, CONSOLE_PASSPHRASE: pass, CONSOLE_VIEW: view, CONSOLE_SCHEME: scheme,
    });
    await stop();
  }
} finally {
  await rm(data, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
