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

/** Starts the demo and answers with its console once a request waits. */
async function demo(data) {
  const child = spawn(hub, ["demo", "--data", data, "--listen", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const found = {};
  for await (const line of createInterface({ input: child.stdout })) {
    found.url ??= line.match(/console +(\S+)/)?.[1];
    found.pass ??= line.match(/passphrase +(\S+)/)?.[1];
    if (line.includes("open the console")) {
      child.stdout.resume();
      return { ...found, stop: () => (child.kill("SIGINT"), ended) };
    }
  }
  throw new Error("the demo ended before a request came");
}

const data = await mkdtemp(join(tmpdir(), "gatehouse-e2e-"));
let failed = await test("fixture.spec.mjs", {});
try {
  for (const [view, scheme] of [["desktop", "light"], ["phone", "dark"]]) {
    const { url, pass, stop } = await demo(data);
    failed |= await test("console.spec.mjs", {
      CONSOLE_URL: url, CONSOLE_PASSPHRASE: pass, CONSOLE_VIEW: view, CONSOLE_SCHEME: scheme,
    });
    await stop();
  }
} finally {
  await rm(data, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
