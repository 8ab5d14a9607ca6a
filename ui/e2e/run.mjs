// Runs the browser tests: the pages on fixtures, then the owner's walk through
// a real hub, on a desktop in light colours and on a phone in dark ones.
//
//   node run.mjs PATH-OF-gatehouse
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

const data = await mkdtemp(join(tmpdir(), "gatehouse-e2e-"));
let failed = await test("fixture.spec.mjs", {});
failed |= await test("timeline.spec.mjs", {});
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
